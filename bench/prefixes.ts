import { formatAddress } from '../lib/ip/address.ts'
import type { Ranges } from '../lib/lists/sources/list.ts'

/** The ranges as CIDRs, for libraries that take nothing else. */
export function prefixesOf ({ v4, v6 }: Ranges): string[] {
  const prefixes: string[] = []
  for (let i = 0; i < v4.length; i += 2) cut(BigInt(v4[i]!), BigInt(v4[i + 1]!), 32, first => formatAddress(4, [0, 0, 0, Number(first)]))
  for (let i = 0; i < v6.length; i += 8) {
    cut(joined(v6.subarray(i, i + 4)), joined(v6.subarray(i + 4, i + 8)), 128, first => formatAddress(6, split(first)))
  }
  return prefixes

  function cut (first: bigint, last: bigint, width: number, text: (first: bigint) => string): void {
    while (first <= last) {
      let host = 0n
      while (host < width && (first >> host & 1n) === 0n && first + (2n << host) - 1n <= last) host++
      prefixes.push(`${text(first)}/${BigInt(width) - host}`)
      first += 1n << host
    }
  }
}

function joined (words: Uint32Array): bigint {
  return words.reduce((sum, word) => (sum << 32n) | BigInt(word), 0n)
}

function split (address: bigint): number[] {
  return [96n, 64n, 32n, 0n].map(shift => Number(address >> shift & 0xffffffffn))
}
