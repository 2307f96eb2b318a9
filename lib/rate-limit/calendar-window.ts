export type CalendarUnit = 'day' | 'month'

const longestMs: Readonly<Record<CalendarUnit, number>> = { day: 26 * 3_600_000, month: 32 * 86_400_000 }

function calendarIds (unit: CalendarUnit, timeZone: string): (atMs: number) => string {
  const format = new Intl.DateTimeFormat('en-CA', { timeZone, year: 'numeric', month: '2-digit', day: '2-digit' })
  return atMs => format.format(atMs).slice(0, unit === 'day' ? 10 : 7)
}

/** The calendar day (`2026-11-28`) or month (`2026-11`) of a time, in an IANA time zone, and when it ends. */
export function calendarWindow (
  unit: CalendarUnit, timeZone: string, atMs: number
): { readonly id: string, readonly endsMs: number } {
  const idAt = calendarIds(unit, timeZone)
  const id = idAt(atMs)
  let [inside, after] = [atMs, atMs + longestMs[unit]]
  while (after - inside > 1) {
    const middle = Math.floor((inside + after) / 2)
    if (idAt(middle) === id) inside = middle
    else after = middle
  }
  return { id, endsMs: after }
}

/** Clocks differ, and a reply may be about the window before: for so long nothing is believed of a new one. */
export const settlingMs = 300_000

/** Whether the window at that time is younger than `settlingMs`. */
export function hasJustBegun (unit: CalendarUnit, timeZone: string, atMs: number): boolean {
  const idAt = calendarIds(unit, timeZone)
  return idAt(atMs - settlingMs) !== idAt(atMs)
}
