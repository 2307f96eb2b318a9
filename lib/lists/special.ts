import { specialPurpose } from '../ip/special-purpose.ts'
import { compareAddresses } from './merge-ranges.ts'
import { rangesOf } from './ranges.ts'

// No visitor comes from there. The documentation networks are left out: they never occur on the internet, and examples and tests make
// lists of them. Beside IANA's registries: multicast, and all of IPv6 that is not global unicast (2000::/3).
const special = rangesOf([
  ...specialPurpose.filter(([, scope]) => scope !== 'public' && scope !== 'documentation').map(([cidr]) => cidr),
  '224.0.0.0/4', '::/3', '4000::/2', '8000::/1'
])

/** Whether private or reserved space is in the range of two words. */
export function overlapsSpecialV4 (range: Uint32Array): boolean {
  const { v4 } = special
  for (let i = 0; i < v4.length; i += 2) if (range[0]! <= v4[i + 1]! && range[1]! >= v4[i]!) return true
  return false
}

/** The same of eight words. */
export function overlapsSpecialV6 (range: Uint32Array): boolean {
  const { v6 } = special
  for (let i = 0; i < v6.length; i += 8) {
    if (compareAddresses(range, 0, v6, i + 4) <= 0 && compareAddresses(range, 4, v6, i) >= 0) return true
  }
  return false
}
