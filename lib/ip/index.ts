export {
  effectiveAddress, embeddedIPv4, lookupAddress, networksOf, placeEmbedded, SCOPE_MASK, scopeEntries, scopeOf, scopes,
  subnetKey, subnetOf, UNSPECIFIED
} from './address-scope.ts'
export {
  addressText, canonicalAddress, type Family, formatAddress, parseAddress, parseIPv4Before, words
} from './address.ts'
export { type Cidr, formatCidr, parseCidr, type RangeMap, rangeMap, type RangeMapEntry } from './cidr.ts'
export { cloudflareDate, cloudflareRanges, specialPurposeDate } from './published-ranges.ts'
export { HIDDEN, redactAddress, redactStrings, type ShowAddress, showAddress, withoutAddress } from './redact.ts'
