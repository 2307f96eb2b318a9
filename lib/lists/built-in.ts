import { cloudflareDate, cloudflareRanges } from '../ip/cloudflare-ranges.ts'
import type { Ranges } from './list.ts'
import { rangesOf } from './ranges.ts'
import type { MarkKind } from './snapshot.ts'

/** A layer of the map: an `AddressList`, or something that is known without one. */
export interface Layer {
  readonly id: string
  readonly kind: MarkKind
  readonly ranges: Ranges
  readonly halfLifeDays: number
  readonly dateSeconds: number
}

/** IANA's special-purpose registries, less documentation networks (they may be labelled: they occur in tests and examples). */
const NOT_PUBLIC = [
  '0.0.0.0/8', '10.0.0.0/8', '127.0.0.0/8', '169.254.0.0/16', '172.16.0.0/12', '192.0.0.0/24', '192.168.0.0/16', '198.18.0.0/15', '224.0.0.0/3',
  '::/96', '64:ff9b:1::/48', '100::/64', '100:0:0:1::/64', '2001:2::/48', '5f00::/16', 'fc00::/6', 'fe80::/9', 'ff00::/8'
]
const CGNAT = ['100.64.0.0/10']

export const builtInLayers: readonly Layer[] = [
  { id: 'special-purpose', kind: 'not-public', ranges: rangesOf(NOT_PUBLIC), halfLifeDays: Infinity, dateSeconds: 0 },
  { id: 'shared-address-space', kind: 'cgnat', ranges: rangesOf(CGNAT), halfLifeDays: Infinity, dateSeconds: 0 },
  {
    id: 'cloudflare',
    kind: 'hosting',
    ranges: rangesOf(cloudflareRanges),
    halfLifeDays: Infinity,
    dateSeconds: Date.parse(cloudflareDate) / 1000
  }
]
