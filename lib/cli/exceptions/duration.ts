import { UsageError } from '../command.ts'

const units = { s: 1, m: 60, h: 3_600, d: 86_400 } as const

/** `90`, `15m`, `12h` or `7d` in seconds. Throws `UsageError`. */
export function secondsOf (option: string, text: string): number {
  const [, digits, unit = 's'] = /^(\d{1,9})([smhd])?$/.exec(text) ?? []
  const seconds = Number(digits) * units[unit as keyof typeof units]
  if (!(seconds >= 1 && seconds <= 31_536_000)) {
    throw new UsageError(`${option} must be a time such as 90s, 15m, 12h or 7d, of at most 365d, got "${text}"`)
  }
  return seconds
}
