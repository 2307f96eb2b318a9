import type { EngineOptions } from '../types/contract.ts'
import { badOption } from './errors.ts'
import { type Cidr, parseCidr } from './ip/cidr.ts'
import { parseAddress } from './ip/address.ts'
import { type RangeMap, rangeMap } from './ip/range-map.ts'
import { checkStrings } from './options.ts'
import { ALLOW_LIST, DENY_LIST } from './policy/policy.ts'

/** The options `allow` and `deny` of a scope, asked together: one search, however long they are. */
export interface AddressLists {
  readonly allow: readonly Cidr[]
  readonly deny: readonly Cidr[]
  /** The list that decides about a canonical address: `allow-list`, `deny-list` or none. */
  of (ip: string): string | undefined
}

const NONE = 0
const DENY = 1
/** The greatest wins, wherever the networks lie in each other: an allowed address wins over everything. */
const ALLOW = 2
const names = { [NONE]: undefined, [DENY]: DENY_LIST, [ALLOW]: ALLOW_LIST } as const

export const noLists: AddressLists = { allow: [], deny: [], of: () => undefined }

/** The lists named, over those of the parent scope. Throws an `IpRiskError` that names the entry. */
export function readLists ({ allow, deny }: EngineOptions, parent: AddressLists): AddressLists {
  if (allow === undefined && deny === undefined) return parent
  return addressLists(allow === undefined ? parent.allow : readCidrs('allow', allow), deny === undefined ? parent.deny : readCidrs('deny', deny))
}

function addressLists (allow: readonly Cidr[], deny: readonly Cidr[]): AddressLists {
  if (allow.length === 0 && deny.length === 0) return noLists
  const entries = [...allow.map(cidr => ({ cidr, value: ALLOW })), ...deny.map(cidr => ({ cidr, value: DENY }))]
  const map: RangeMap = rangeMap(entries, NONE, Math.max)
  return {
    allow,
    deny,
    of: ip => names[map.at(parseAddress(ip) as 4 | 6) as keyof typeof names]
  }
}

function readCidrs (path: string, given: readonly string[]): readonly Cidr[] {
  return checkStrings(path, given).map((text, i) => {
    try {
      return parseCidr(text)
    } catch (err) {
      throw badOption(`${path}[${i}]`, `must be an IP address or CIDR: ${(err as Error).message}`, err)
    }
  })
}
