export {
  embeddedIPv4, lookupAddress, placeEmbedded, SCOPE_MASK, scopeEntries, scopeOf, scopes, subnetKey, subnetOf,
  UNSPECIFIED
} from './address-scope.ts'
export {
  addressText, canonicalAddress, type Family, formatAddress, parseAddress, parseIPv4Before, words
} from './address.ts'
export { type Cidr, formatCidr, parseCidr, type RangeMap, rangeMap, type RangeMapEntry } from './cidr.ts'
export { cloudflareDate, cloudflareRanges } from './cloudflare-ranges.ts'
export { rangeSet } from './range-set.ts'
export { HIDDEN, redactAddress, redactStrings, type ShowAddress, showAddress, withoutAddress } from './redact.ts'
export { specialPurpose, specialPurposeDate } from './special-purpose.ts'
