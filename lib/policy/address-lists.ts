import type { EngineOptions } from '../../types/contract.ts'
import { badOption } from '../errors.ts'
import { type Cidr, parseAddress, parseCidr, placeEmbedded, type RangeMap, rangeMap, scopeOf } from '../ip/index.ts'
import { checkStrings } from '../util/index.ts'
import type { ListedBy } from './policy.ts'

/** The options `allow` and `deny` of a scope, asked together: one search, however long they are. */
export interface AddressLists {
  readonly allow: readonly Cidr[]
  readonly deny: readonly Cidr[]
  /**
   * The list that decides about a canonical address: `allow_list`, which wins, `deny_list` or none. `deny` also meets
   * the IPv4 address inside an IPv6 address; `allow` does not, because anybody can make up an address with an allowed
   * one in it.
   */
  of (ip: string): ListedBy | undefined
}

const DENY = 1
const ALLOW = 2

export const noLists: AddressLists = { allow: [], deny: [], of: () => undefined }

/** The lists named, over those of the parent scope. Throws an `IpRiskError` that names the entry. */
export function readLists ({ allow, deny }: Pick<EngineOptions, 'allow' | 'deny'>, parent: AddressLists): AddressLists {
  if (allow === undefined && deny === undefined) return parent
  return addressLists(
    allow === undefined ? parent.allow : readCidrs('allow', allow),
    deny === undefined ? parent.deny : readCidrs('deny', deny)
  )
}

export function addressLists (allow: readonly Cidr[], deny: readonly Cidr[]): AddressLists {
  if (allow.length === 0 && deny.length === 0) return noLists
  const entries = [...allow.map(cidr => ({ cidr, value: ALLOW })), ...deny.map(cidr => ({ cidr, value: DENY }))]
  const map: RangeMap = rangeMap(entries, 0, (outer, inner) => outer | inner)
  return {
    allow,
    deny,
    of (ip) {
      const family = parseAddress(ip) as 4 | 6
      const found = map.at(family)
      if ((found & ALLOW) !== 0) return 'allow_list'
      return (found & DENY) !== 0 || (family === 6 && deniesEmbedded(ip)) ? 'deny_list' : undefined
    }
  }

  function deniesEmbedded (ip: string): boolean {
    const scope = scopeOf(ip)!
    return scope !== 'public' && placeEmbedded(scope) && (map.at(4) & DENY) !== 0
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
