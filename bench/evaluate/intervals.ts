/** Numbers that are the same in each run: mulberry32 (Tommy Ettinger, public domain). 0 to just below 1. */
export function randomOf (seed: number): () => number {
  return () => {
    seed = (seed + 0x6D2B79F5) | 0
    let mixed = Math.imul(seed ^ (seed >>> 15), 1 | seed)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

export function meanOf (values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length
}

export type Interval = readonly [low: number, high: number]
const DRAWS = 10_000

/** 95 % interval of the mean over providers, had others of their kind been there: percentiles of means of resampled providers. */
export function bootstrap (values: readonly number[]): Interval {
  const random = randomOf(1)
  const means = Array.from({ length: DRAWS }, () => meanOf(values.map(() => values[Math.floor(random() * values.length)]!)))
  means.sort((a, b) => a - b)
  return [means[Math.floor(0.025 * DRAWS)]!, means[Math.ceil(0.975 * DRAWS) - 1]!]
}

/** 95 % interval of a share, Wilson (1927): right also where nothing or everything was found. */
export function wilson (found: number, of: number): Interval {
  const z = 1.959964
  const share = found / of
  const middle = share + z * z / (2 * of)
  const half = z * Math.sqrt(share * (1 - share) / of + z * z / (4 * of * of))
  const scale = 1 + z * z / of
  return [Math.max(0, (middle - half) / scale), Math.min(1, (middle + half) / scale)]
}

export function shown (share: number, digits = 1): string {
  return (100 * share).toFixed(digits)
}

/** `92.3 [88.6-95.9]`, in percent. */
export function withInterval (share: number, [low, high]: Interval): string {
  return `${shown(share)} [${shown(low)}-${shown(high)}]`.padStart(20)
}
