import { parseCidr } from '../ip/cidr.ts'
import { compareAddresses } from './merge-ranges.ts'

// IANA's special-purpose registries, as far as no visitor comes from there. The documentation networks are left out: they never occur
// on the internet, and examples and tests make lists of them.
const SPECIAL_V4 = [
  '0.0.0.0/8', '10.0.0.0/8', '100.64.0.0/10', '127.0.0.0/8', '169.254.0.0/16', '172.16.0.0/12', '192.0.0.0/24', '192.168.0.0/16', '198.18.0.0/15',
  '224.0.0.0/3'
].map(text => {
  const { words: [, , , first], prefix } = parseCidr(text)
  return [first, first + 2 ** (32 - prefix) - 1] as const
})

export function overlapsSpecialV4 (first: number, last: number): boolean {
  return SPECIAL_V4.some(([specialFirst, specialLast]) => first <= specialLast && last >= specialFirst)
}

const GLOBAL_FIRST = Uint32Array.of(0x20000000, 0, 0, 0)
const GLOBAL_LAST = Uint32Array.of(0x3fffffff, 0xffffffff, 0xffffffff, 0xffffffff)

/** Outside 2000::/3, in the protocol block 2001::/23 (Teredo and others), or in 6to4 (2002::/16). */
export function overlapsSpecialV6 (pair: Uint32Array): boolean {
  if (compareAddresses(pair, 0, GLOBAL_FIRST, 0) < 0 || compareAddresses(pair, 4, GLOBAL_LAST, 0) > 0) return true
  const first = pair[0]!
  const last = pair[4]!
  return (first <= 0x200101ff && last >= 0x20010000) || (first <= 0x2002ffff && last >= 0x20020000)
}
