import { counted } from '../../util/index.ts'
import { shownDuration } from '../progress.ts'

/** What a review counts. */
export interface Counts {
  rows: number
  /** Lines that are no records. */
  skipped: number
  /** Rows without a verdict because a lookup failed. */
  failed: number
  /** By verdict, and by `unknown (reason)`. */
  readonly verdicts: Record<string, number>
  readonly decisions: Record<string, number>
}

export function emptyCounts (): Counts {
  return { rows: 0, skipped: 0, failed: 0, verdicts: {}, decisions: {} }
}

export function countIn (counters: Record<string, number>, key: string): void {
  counters[key] = (counters[key] ?? 0) + 1
}

/** `1,234 rows in 0:12; verdicts: clean 1,000, …; decisions: …; 3 lines were no records`. */
export function countsLine ({ rows, skipped, verdicts, decisions }: Counts, elapsedMs: number): string {
  return [
    `${counted(rows, 'row', grouped(rows))} in ${shownDuration(elapsedMs)}`,
    rows > 0 ? `verdicts: ${listed(verdicts)}` : '',
    rows > 0 ? `decisions: ${listed(decisions)}` : '',
    skipped > 0 ? `${grouped(skipped)} ${skipped === 1 ? 'line was no record' : 'lines were no records'}` : ''
  ].filter(part => part !== '').join('; ')
}

function listed (counters: Record<string, number>): string {
  const sorted = Object.entries(counters).sort((a, b) => b[1] - a[1])
  return sorted.map(([key, count]) => `${key} ${grouped(count)}`).join(', ')
}

function grouped (count: number): string {
  return count.toLocaleString('en-US')
}
