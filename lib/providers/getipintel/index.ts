import type { SettlingContext, SettlingProvider } from '../../../types/contract.ts'
import type { LookupContext, Provider, ProviderAnswer } from '../../../types/contract.ts'
import { badOption } from '../../errors.ts'
import { checkNumber, checkObject, checkOneOf, checkString, shown } from '../../util/index.ts'
import { validatesAnswers } from '../../verdict/index.ts'
import { checkFamilies, httpClient, readRemoteOptions, remoteOptionNames, type RemoteOptions } from '../http/index.ts'
import { type Grades, readGetipintel } from './reply.ts'

/** The options of `getipintel`. */
export interface GetipintelOptions extends RemoteOptions {
  /**
   * A mailbox that is read: GetIPIntel requires it, and bans whoever it cannot write to. Never logged, never cached.
   */
  readonly contact: string
  /**
   * `m`: lists only, fewest false positives. `b`: quick checks too. `f`: everything, up to 5 s. Default none: slow
   * checks run in the background, and a deferred lookup gets their result.
   */
  readonly flags?: 'm' | 'b' | 'f' | undefined
  /** Letters of `bcair`: BadIP, country, ASN, iCloud relay and Google VPN, residential proxy. Default none. */
  readonly oflags?: string | undefined
  /**
   * Scores where the verdicts begin: from `suspicious` (0.90) on, above `vpn_likely` (0.95), above `vpn_detected`
   * (0.99). A score of 1 is always `vpn_detected`.
   */
  readonly thresholds?: { readonly [G in keyof Grades]?: number | undefined } | undefined
  /** Default `[4]`: its IPv6 is partial. */
  readonly families?: readonly (4 | 6)[] | undefined
}

/** GetIPIntel documents a settled value after about five seconds; it is asked for a little later. */
const settledMs = 5_000
const marginMs = 100

/** The longest that GetIPIntel's terms allow its answers to be cached. */
const SIX_HOURS = 21_600

/**
 * GetIPIntel, https://getipintel.net. Free for 15 calls a minute and 500 a day per source address, which all processes
 * behind one NAT share.
 */
export function getipintel (options: GetipintelOptions): Provider {
  const given = checkObject<GetipintelOptions>('getipintel', options,
    [...remoteOptionNames, 'contact', 'flags', 'oflags', 'thresholds', 'families'])
  const contact = checkString('getipintel.contact', given.contact, '')
  // The message leaves the value out: it is an e-mail address.
  if (contact.length > 254 || !/^[^\s@]+@[^\s@]+\.[^\s@]+$/.test(contact)) {
    throw badOption('getipintel.contact',
      'must be an e-mail address that is read: GetIPIntel refuses calls without one')
  }
  const flags = given.flags && checkOneOf('getipintel.flags', given.flags, ['m', 'b', 'f'], 'm')
  const oflags = [...checkString('getipintel.oflags', given.oflags, '')]
  if (oflags.some(letter => !'bcair'.includes(letter)) || new Set(oflags).size < oflags.length) {
    throw badOption('getipintel.oflags', `must be letters of "bcair", each once, got ${shown(given.oflags)}`)
  }
  const sorted = oflags.sort().join('')
  const grades = readGrades(given.thresholds)
  const { baseUrl, userAgent, ...settings } = readRemoteOptions('getipintel', given, {
    baseUrl: 'https://check.getipintel.net',
    timeoutMs: flags === 'f' ? 8_000 : 5_000,
    limits: { perMinute: 15, perDay: 500, burst: 5 }
  })
  // Error codes also come under 400, and the page of a 403 names what is refused. No retry: every call counts, and
  // overruns end in a ban.
  const client = httpClient({ baseUrl, userAgent, connections: settings.maxConcurrent, alsoRead: [400, 403] })

  async function ask (ip: string, context: LookupContext): Promise<ProviderAnswer> {
    const query = { ip, contact, format: 'json', flags, oflags: sorted === '' ? undefined : sorted }
    const reply = await client.send({ path: '/check.php', query }, context)
    return 'reason' in reply ? reply : readGetipintel(reply, ip, grades, sorted)
  }

  const provider: Provider | SettlingProvider = {
    name: nameOf(flags, sorted, given.thresholds === undefined ? null : grades),
    quotaName: 'getipintel',
    origin: client.origin,
    ...flags === undefined && { settlesAfterMs: settledMs },
    maxAgeSeconds: SIX_HOURS,
    families: given.families === undefined ? [4] : checkFamilies('getipintel.families', given.families),
    ...settings,
    async lookup (ip: string, context: SettlingContext) {
      const answer = await ask(ip, context)
      if (flags === undefined && answer.verdict !== 'unknown') {
        context.later?.(settledMs + marginMs, context => ask(ip, context))
      }
      return answer
    },
    close: () => client.close()
  }
  return validatesAnswers(provider)
}

/**
 * Options that change the answers are part of the name: `getipintel`, `getipintel/m+bc`, `getipintel@0.8,0.9,0.99`.
 */
function nameOf (flags: string | undefined, oflags: string, grades: Grades | null): string {
  const path = flags === undefined && oflags === '' ? '' : `/${flags ?? ''}${oflags === '' ? '' : `+${oflags}`}`
  const suffix = grades === null ? '' : `@${grades.suspicious},${grades.vpn_likely},${grades.vpn_detected}`
  return `getipintel${path}${suffix}`
}

function readGrades (value: unknown): Grades {
  const path = 'getipintel.thresholds'
  const given = checkObject<Partial<Grades>>(path, value, ['suspicious', 'vpn_likely', 'vpn_detected'])
  const range = { min: 0, max: 1, integer: false }
  const grades = {
    suspicious: checkNumber(`${path}.suspicious`, given.suspicious, 0.90, range),
    vpn_likely: checkNumber(`${path}.vpn_likely`, given.vpn_likely, 0.95, range),
    vpn_detected: checkNumber(`${path}.vpn_detected`, given.vpn_detected, 0.99, range)
  }
  if (grades.suspicious > grades.vpn_likely || grades.vpn_likely > grades.vpn_detected) {
    throw badOption(path, 'must rise: suspicious <= vpn_likely <= vpn_detected')
  }
  return grades
}
