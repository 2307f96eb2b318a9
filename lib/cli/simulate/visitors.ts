import { hash } from 'node:crypto'

/**
 * Counts distinct texts in bounded memory: exact up to `2 × kept`, and an estimate beyond (the k smallest hashes; Bar-
 * Yossef et al., 2002), whose standard error is 1 / sqrt(kept).
 */
export interface DistinctCount {
  add (hashed: number): void
  count (): { readonly count: number, readonly exact: boolean }
}

const SPACE = 2 ** 48

/** The hash that `DistinctCount` takes. */
export function hashOf (text: string): number {
  return Number.parseInt(hash('sha1', text).slice(0, 12), 16)
}

export function distinctCount (kept: number): DistinctCount {
  let hashes = new Set<number>()
  let limit = Infinity

  function trim (): void {
    const smallest = [...hashes].sort((a, b) => a - b).slice(0, kept)
    limit = smallest.at(-1)!
    hashes = new Set(smallest)
  }

  return {
    add (hashed) {
      if (hashed > limit) return
      hashes.add(hashed)
      if (hashes.size > 2 * kept) trim()
    },
    count () {
      if (limit === Infinity) return { count: hashes.size, exact: true }
      if (hashes.size > kept) trim()
      return { count: Math.round((kept - 1) / (limit / SPACE)), exact: false }
    }
  }
}
