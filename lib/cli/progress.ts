import type { Io } from './io.ts'

interface ProgressState {
  readonly rows: number
  /** 0 to 1; null where the size of the input is not known. */
  readonly part: number | null
  /** What it waits for, if anything. */
  readonly waitingFor?: string | undefined
}

interface Progress {
  /** Shows the state, unless the last one is too recent. */
  update (state: ProgressState): void
  /** Removes the bar from the terminal. */
  end (): void
}

const BAR = 24
const TERMINAL_MS = 200
const LINES_MS = 10_000

/**
 * On a terminal a bar that is drawn again in place, with rate and time left; elsewhere a plain line every ten seconds.
 * `done` is the part that an earlier run did: it does not count for the rate.
 */
export function createProgress (io: Io, unit: string, done = 0, now: () => number = Date.now): Progress {
  const { stderr } = io
  const terminal = stderr.isTTY === true && io.env['TERM'] !== 'dumb'
  const startedMs = now()
  let firstRows: number | undefined
  let shownMs = terminal ? 0 : startedMs
  let isShown = false
  return {
    update (state) {
      firstRows ??= state.rows
      const atMs = now()
      if (atMs - shownMs < (terminal ? TERMINAL_MS : LINES_MS)) return
      shownMs = atMs
      const line = progressLine(state, unit, state.rows - firstRows, atMs - startedMs, done)
      if (!terminal) return io.err(line)
      isShown = true
      const bar = state.part === null ? '' : `${barOf(state.part)} `
      stderr.write(`\r\u001b[2K${(bar + line).slice(0, (stderr.columns ?? 80) - 1)}`)
    },
    end () {
      if (isShown) stderr.write('\r\u001b[2K')
      isShown = false
    }
  }
}

function barOf (part: number): string {
  const full = Math.round(Math.min(1, part) * BAR)
  return `[${'#'.repeat(full)}${'.'.repeat(BAR - full)}]`
}

/** `43 %  430,000 lines  52,300/s  0:11 left`. */
export function progressLine (
  { rows, part, waitingFor }: ProgressState, unit: string, newRows: number, elapsedMs: number, done = 0
): string {
  const rate = newRows / Math.max(elapsedMs, 1) * 1000
  const moved = part === null ? 0 : part - done
  const leftMs = moved > 0 ? elapsedMs * (1 - part!) / moved : null
  return [
    part === null ? '' : `${Math.floor(part * 100)} %`,
    `${rows.toLocaleString('en-US')} ${unit}`,
    newRows > 0 ? `${rate.toLocaleString('en-US', { maximumFractionDigits: rate < 10 ? 1 : 0 })}/s` : '',
    leftMs === null ? '' : `${shownDuration(leftMs)} left`,
    waitingFor === undefined ? '' : `waiting for ${waitingFor}`
  ].filter(text => text !== '').join('  ')
}

/** `0:07`, `12:30`, `3:05:00`. */
export function shownDuration (ms: number): string {
  const seconds = Math.round(ms / 1000)
  const two = (value: number): string => String(value).padStart(2, '0')
  const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60]
  return hours > 0 ? `${hours}:${two(minutes)}:${two(seconds % 60)}` : `${minutes}:${two(seconds % 60)}`
}
