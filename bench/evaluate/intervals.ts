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

/** Student's t for 95 %, by degrees of freedom from 1. */
const T = [
  12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.16, 2.145, 2.131, 2.12, 2.11, 2.101, 2.093, 2.086
]

/**
 * 95 % interval of the mean of shares of so few providers, had others of their kind been there (Student's t, within 0 and 1). Means of
 * resampled providers would spread too little: with six providers by 30 %.
 */
export function meanInterval (shares: readonly number[]): Interval {
  const mean = meanOf(shares)
  const freedom = shares.length - 1
  if (freedom < 1) return [0, 1]
  const variance = shares.reduce((sum, share) => sum + (share - mean) ** 2, 0) / freedom
  const half = (T[freedom - 1] ?? 2.08) * Math.sqrt(variance / shares.length)
  return [Math.max(0, mean - half), Math.min(1, mean + half)]
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
