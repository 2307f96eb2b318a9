import { badOption } from '../errors.ts'
import { type Cidr, parseCidr } from '../ip/cidr.ts'
import { checkBoolean, checkFunction, checkNumber, checkObject, checkOneOf, checkStrings, shown } from '../options.ts'
import type { ClientIpOptions, CloudflareOptions, RawRequest } from '../../types/contract.ts'
import { parseCloudflareList } from './cloudflare-list.ts'
import { cloudflareRanges } from '../ip/cloudflare-ranges.ts'
import { type Named, networksOf, trustWords } from './trust.ts'

export type ListHeader = 'x-forwarded-for' | 'forwarded' | 'x-real-ip'

export interface ClientIpSettings {
  readonly trusted: readonly Named[]
  readonly via: readonly Named[]
  /** The bundled list, unless the options brought one. */
  readonly cloudflare: readonly Cidr[]
  readonly bundled: boolean
  /** `unset` is not `off`: then a Cloudflare peer is no client, but a mistake to tell of. */
  readonly cloudflareMode: 'on' | 'off' | 'unset'
  readonly proof: ((request: RawRequest) => boolean) | undefined
  /** What a unix listener's peer is. */
  readonly unix: 'trusted' | 'via' | undefined
  readonly hops: number | undefined
  readonly header: ListHeader
  readonly headerGiven: boolean
  readonly everyHop: boolean
}

const names = ['trusted', 'hops', 'cloudflare', 'header', 'dangerouslyTrustEveryHop'] as const
const cloudflareNames = ['ranges', 'via', 'proof'] as const

/** Throws an `IpRiskError` that names the option. */
export function readClientIpOptions (options: ClientIpOptions | undefined): ClientIpSettings {
  const given = checkObject<ClientIpOptions>('clientIp', options, names)
  const header = checkOneOf<ListHeader>('clientIp.header', given.header, ['x-forwarded-for', 'forwarded', 'x-real-ip'], 'x-forwarded-for')
  const hops = checkNumber('clientIp.hops', given.hops, undefined, { min: 1, max: 32 })
  const everyHop = checkBoolean('clientIp.dangerouslyTrustEveryHop', given.dangerouslyTrustEveryHop, false)
  const trusted = readNetworks('clientIp.trusted', given.trusted)
  const { via, ranges, ...cloudflare } = readCloudflare(given.cloudflare)
  if (hops !== undefined && header === 'x-real-ip') throw badOption('clientIp.hops', 'counts the entries of a list, and x-real-ip is none: leave one of them out')
  if (everyHop && (hops !== undefined || given.trusted !== undefined)) {
    throw badOption('clientIp.dangerouslyTrustEveryHop', 'contradicts "trusted" and "hops": leave it out')
  }
  const unix = given.trusted?.includes('unix') === true ? 'trusted' as const : undefined
  return {
    trusted,
    via: via.networks,
    cloudflare: ranges ?? cloudflareRanges.map(parseCidr),
    bundled: ranges === undefined,
    ...cloudflare,
    unix: via.unix ? 'via' : unix,
    hops,
    header,
    headerGiven: given.header !== undefined,
    everyHop
  }
}

function readCloudflare (given: unknown) {
  const mode = given === undefined ? 'unset' as const : given === false ? 'off' as const : 'on' as const
  if (given !== undefined && typeof given !== 'boolean' && typeof given !== 'object') {
    throw badOption('clientIp.cloudflare', `must be true, false or an object, got ${shown(given)}`)
  }
  const written = checkObject<CloudflareOptions>('clientIp.cloudflare', typeof given === 'boolean' ? undefined : given, cloudflareNames)
  const lines = checkStrings('clientIp.cloudflare.ranges', written.ranges)
  let ranges: Cidr[] | undefined
  try {
    if (written.ranges !== undefined) ranges = parseCloudflareList(lines)
  } catch (error) {
    throw badOption('clientIp.cloudflare.ranges', `is refused: ${(error as RangeError).message}`, error)
  }
  return {
    cloudflareMode: mode,
    ranges,
    via: { networks: readNetworks('clientIp.cloudflare.via', written.via), unix: written.via?.includes('unix') === true },
    proof: checkFunction('clientIp.cloudflare.proof', written.proof)
  }
}

function readNetworks (path: string, value: unknown): readonly Named[] {
  return checkStrings(path, value).flatMap((text, i) => {
    try {
      return networksOf(text)
    } catch (error) {
      const mend = `write an address, a CIDR (192.0.2.0/24) or one of the words ${trustWords.join(', ')}`
      throw badOption(`${path}[${i}]`, `is refused: ${(error as RangeError).message}; ${mend}`, error)
    }
  })
}
