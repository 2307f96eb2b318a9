import type { ClientIpOptions, CloudflareOptions, RawRequest } from '../../types/contract.ts'
import { badOption } from '../errors.ts'
import { type Cidr, cloudflareDate, cloudflareRanges, formatCidr, parseCidr } from '../ip/index.ts'
import {
  checkStrings, flag, func, int, oneOf, optional, readObject, shown, type Specification
} from '../util/index.ts'
import { type Named, networksOf, overlaps, trustWords } from './trust.ts'

/** Shorter prefixes are not Cloudflare's: its widest networks are a /13 and a /29. */
const shortestPrefix = { 4: 11, 6: 28 } as const

/**
 * The networks of a list of Cloudflare's ranges. Throws a `RangeError` where one line is wrong: then none of them is
 * believed.
 */
function parseCloudflareList (lines: readonly string[]): Cidr[] {
  if (lines.length === 0) throw new RangeError('the list is empty')
  return lines.map(line => {
    const cidr = parseCidr(line)
    const shortest = shortestPrefix[cidr.family]
    if (cidr.prefix < shortest) {
      throw new RangeError(`"${line}" is wider than any network of Cloudflare (/${shortest} at most)`)
    }
    return cidr
  })
}

/** A list in place of `current`: plausible, and not a part of one. A text is one network a line. */
export function replacementList (ranges: string | readonly string[], current: readonly Cidr[]): Cidr[] {
  const lines = typeof ranges === 'string'
    ? ranges.split('\n').map(line => line.trim()).filter(line => line !== '')
    : ranges
  if (!Array.isArray(lines) || lines.some(line => typeof line !== 'string')) {
    throw new RangeError('the list must be strings, one network each')
  }
  const cidrs = parseCloudflareList(lines)
  if (cidrs.length * 2 < current.length) {
    throw new RangeError(`the list has ${cidrs.length} networks where ${current.length} were`)
  }
  return cidrs
}

const listHeaders = ['x-forwarded-for', 'forwarded', 'x-real-ip'] as const
type ListHeader = typeof listHeaders[number]

export interface ClientIpSettings {
  readonly trusted: readonly Named[]
  readonly via: readonly Named[]
  /** The bundled list, unless the options brought one. */
  readonly cloudflare: readonly Cidr[]
  readonly bundled: boolean
  /** With `unset`, a peer of Cloudflare is logged as a misconfiguration; with `off`, it is a client. */
  readonly cloudflareMode: 'on' | 'off' | 'unset'
  readonly proof: ((request: RawRequest) => boolean) | undefined
  /** What a unix listener's peer is. */
  readonly unix: 'trusted' | 'via' | undefined
  readonly hops: number | undefined
  readonly header: ListHeader
  readonly headerGiven: boolean
  readonly everyHop: boolean
  readonly select: ClientIpOptions['select']
}

const specification = {
  trusted: optional(readNetworks),
  hops: int(1, 32, undefined),
  cloudflare: readCloudflare,
  header: oneOf(listHeaders, undefined),
  dangerouslyTrustEveryHop: flag(false),
  select: func<NonNullable<ClientIpOptions['select']>>()
} satisfies Specification<ClientIpOptions>

const cloudflareSpecification = {
  ranges: optional(readRanges),
  via: optional(readNetworks),
  proof: func<NonNullable<CloudflareOptions['proof']>>()
} satisfies Specification<CloudflareOptions>

/** Throws an `IpRiskError` that names the option. */
export function readClientIpOptions (options: ClientIpOptions | undefined): ClientIpSettings {
  const { trusted, hops, cloudflare, header, dangerouslyTrustEveryHop: everyHop, select } =
    readObject('clientIp', options, specification)
  if (hops !== undefined && header === 'x-real-ip') {
    throw badOption('clientIp.hops', 'counts the entries of a list, and x-real-ip is none: leave one of them out')
  }
  if (everyHop && (hops !== undefined || trusted !== undefined)) {
    throw badOption('clientIp.dangerouslyTrustEveryHop', 'contradicts "trusted" and "hops": leave it out')
  }
  const { mode: cloudflareMode, ranges, via, proof } = cloudflare
  return {
    trusted: trusted?.networks ?? [],
    via: via?.networks ?? [],
    cloudflare: ranges ?? cloudflareRanges.map(parseCidr),
    bundled: ranges === undefined,
    cloudflareMode,
    proof,
    unix: via?.unix === true ? 'via' : trusted?.unix === true ? 'trusted' : undefined,
    hops,
    header: header ?? 'x-forwarded-for',
    headerGiven: header !== undefined,
    everyHop,
    select
  }
}

function readCloudflare (path: string, given: unknown) {
  if (given !== undefined && typeof given !== 'boolean' && typeof given !== 'object') {
    throw badOption(path, `must be true, false or an object, got ${shown(given)}`)
  }
  const mode = given === undefined ? 'unset' as const : given === false ? 'off' as const : 'on' as const
  return { mode, ...readObject(path, typeof given === 'boolean' ? undefined : given, cloudflareSpecification) }
}

function readRanges (path: string, given: unknown): readonly Cidr[] {
  const lines = checkStrings(path, given)
  try {
    return parseCloudflareList(lines)
  } catch (error) {
    throw badOption(path, `is refused: ${(error as RangeError).message}`, error)
  }
}

/** An array, or one text with commas in it, as Express's `trust proxy` takes it. */
function readNetworks (path: string, given: unknown): { readonly networks: readonly Named[], readonly unix: boolean } {
  const texts = checkStrings(path, typeof given === 'string' ? given.split(',').map(entry => entry.trim()) : given)
  const networks = texts.flatMap((text, i) => {
    try {
      return networksOf(text)
    } catch (error) {
      const fix = `write an address, a CIDR (192.0.2.0/24) or one of the words ${trustWords.join(', ')}`
      throw badOption(`${path}[${i}]`, `is refused: ${(error as RangeError).message}; ${fix}`, error)
    }
  })
  return { networks, unix: texts.includes('unix') }
}

/** Older, and an edge may be missing from the bundled list. */
const MAX_BUNDLED_AGE_DAYS = 180

/** For the plugin, which alone can see it (`hasRequestDecorator('ips')`). */
export const trustProxyWarning: string = 'Fastify\'s own trustProxy is on: request.ip is found by other rules and ' +
  'may differ from request.ipRisk.ip. Set clientIp here and leave trustProxy out, or give both the same proxies'

/** What is allowed and probably not meant. One sentence each, logged at boot. */
export function warningsOf (settings: ClientIpSettings, now: number): string[] {
  const { trusted, via, cloudflare, cloudflareMode, hops, bundled, everyHop, unix } = settings
  const on = cloudflareMode === 'on'
  const found = [...trusted, ...via].flatMap(doubtful)
  found.push(...overlaps([...trusted, ...via]).map(text => `clientIp.trusted: ${text}: leave one of them out`))
  const overlapsTrusted = (cidr: Cidr): boolean =>
    overlaps([{ cidr, text: 'Cloudflare' }, ...trusted]).some(text => text.includes('"Cloudflare"'))
  if (cloudflare.some(overlapsTrusted)) {
    found.push('clientIp.trusted has addresses of Cloudflare: anybody can run a Worker there, so take them out' +
      (on ? '; `cloudflare` covers the edge' : ' and set clientIp.cloudflare: true'))
  }
  if (hops !== undefined && trusted.length === 0 && unix === undefined) {
    found.push('clientIp.hops without clientIp.trusted: a count breaks silently when a proxy is added or removed. ' +
      'Name the proxies in clientIp.trusted')
  }
  const ageDays = Math.floor((now - Date.parse(cloudflareDate)) / 86_400_000)
  if (on && bundled && ageDays > MAX_BUNDLED_AGE_DAYS) {
    found.push(`clientIp.cloudflare: the bundled list of Cloudflare's ranges is ${ageDays} days old ` +
      `(${cloudflareDate}). ` +
      'Update this package, give clientIp.cloudflare.ranges, or call setCloudflareRanges with the list of ' +
        'https://www.cloudflare.com/ips/')
  }
  if (everyHop) found.push('clientIp.dangerouslyTrustEveryHop: every visitor can forge an address. Only for tests')
  return found
}

function doubtful ({ cidr, text }: Named): string[] {
  const found: string[] = []
  if (cidr.hostBits) {
    found.push(`clientIp: "${text}" has bits set right of the prefix: it means ` +
    `${formatCidr(cidr)}; write that, or the address alone`)
  }
  if (cidr.prefix < (cidr.family === 4 ? 8 : 16) && text.includes('/')) {
    found.push(`clientIp: "${text}" is very ` +
    'wide: list the networks of your proxies')
  }
  return found
}
