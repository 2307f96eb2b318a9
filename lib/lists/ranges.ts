import { parseCidr } from '../ip/cidr.ts'
import type { Ranges } from './list.ts'

export const NO_RANGES: Ranges = { v4: new Uint32Array(0), v6: new Uint32Array(0) }

/** Addresses and CIDRs as ranges, in their order. Throws the `RangeError` of `parseCidr`, which names the text. */
export function rangesOf (cidrs: Iterable<string>): Ranges {
  const v4: number[] = []
  const v6: number[] = []
  for (const text of cidrs) {
    const { family, words, prefix } = parseCidr(text)
    if (family === 4) v4.push(words[3], words[3] + 2 ** (32 - prefix) - 1)
    else v6.push(...words, ...words.map((word, i) => (word | hostMask(prefix - 32 * i)) >>> 0))
  }
  return { v4: Uint32Array.from(v4), v6: Uint32Array.from(v6) }
}

/** The bits of one word right of a prefix of that many of its bits. */
function hostMask (prefix: number): number {
  if (prefix <= 0) return 0xffffffff
  return prefix >= 32 ? 0 : 0xffffffff >>> prefix
}
