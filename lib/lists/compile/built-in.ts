import type { AddressScope } from '../../../types/contract.ts'
import { cloudflareDate, cloudflareRanges, specialPurpose, specialPurposeDate } from '../../ip/index.ts'
import type { MarkKind } from '../database/snapshot.ts'
import { type Ranges, rangesOf } from '../sources/list.ts'

/** A layer of the map: an `AddressList`, or something that is known without one. */
export interface Layer {
  readonly id: string
  readonly kind: MarkKind
  readonly ranges: Ranges
  readonly halfLifeDays: number
  readonly dateSeconds: number
}

/** Multicast, and all of IPv6 that is not 2000::/3 (RFC 4291). The registries stand in `specialPurpose`. */
const BESIDE = ['224.0.0.0/4', '::/3', '4000::/2', '8000::/1']
const networksOf = (wanted: (scope: AddressScope) => boolean): string[] =>
  specialPurpose.flatMap(([cidr, scope]) => wanted(scope) ? [cidr] : [])
/** Documentation networks may be labelled: they occur in tests and examples. */
const isAskedAbout = (scope: AddressScope): boolean => scope === 'public' || scope === 'documentation'

export const builtInLayers: readonly Layer[] = [
  {
    id: 'special-purpose',
    kind: 'not-public',
    ranges: rangesOf([...BESIDE, ...networksOf(scope => !isAskedAbout(scope) && scope !== 'shared')]),
    halfLifeDays: Infinity,
    dateSeconds: Date.parse(specialPurposeDate) / 1000
  },
  {
    id: 'public-within-special-purpose',
    kind: 'public',
    ranges: rangesOf(networksOf(isAskedAbout)),
    halfLifeDays: Infinity,
    dateSeconds: Date.parse(specialPurposeDate) / 1000
  },
  {
    id: 'shared-address-space',
    kind: 'cgnat',
    ranges: rangesOf(networksOf(scope => scope === 'shared')),
    halfLifeDays: Infinity,
    dateSeconds: Date.parse(specialPurposeDate) / 1000
  },
  {
    id: 'cloudflare',
    kind: 'hosting',
    ranges: rangesOf(cloudflareRanges),
    halfLifeDays: Infinity,
    dateSeconds: Date.parse(cloudflareDate) / 1000
  }
]
