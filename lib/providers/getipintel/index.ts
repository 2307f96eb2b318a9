import type { SettlingContext, SettlingProvider } from '../../../types/contract.ts'
import type { LookupContext, Provider, ProviderAnswer } from '../../../types/contract.ts'
import { badOption } from '../../errors.ts'
import {
  checkString, int, oneOf, optional, readObject, real, shown, type Specification
} from '../../util/index.ts'
import { validatesAnswers } from '../../verdict/index.ts'
import { checkFamilies, httpClient, type RemoteOptions, remoteSpecification } from '../http/index.ts'
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

const defaultGrades: Grades = { suspicious: 0.90, vpn_likely: 0.95, vpn_detected: 0.99 }

const gradesSpecification = {
  suspicious: real(0, 1, defaultGrades.suspicious),
  vpn_likely: real(0, 1, defaultGrades.vpn_likely),
  vpn_detected: real(0, 1, defaultGrades.vpn_detected)
} satisfies Specification<Grades>

const specification = {
  ...remoteSpecification({
    baseUrl: 'https://check.getipintel.net', timeoutMs: 5_000, limits: { perMinute: 15, perDay: 500, burst: 5 }
  }),
  timeoutMs: int(1, 120_000, undefined),
  contact (path, given) {
    const contact = checkString(path, given, '')
    if (contact.length <= 254 && /^[^\s@]+@[^\s@]+\.[^\s@]+$/.test(contact)) return contact
    // The message leaves the value out: it is an e-mail address.
    throw badOption(path, 'must be an e-mail address that is read: GetIPIntel refuses calls without one')
  },
  flags: oneOf(['m', 'b', 'f'], undefined),
  /** Sorted, because the order changes no answer. */
  oflags (path, given) {
    const letters = [...checkString(path, given, '')]
    if (letters.every(letter => 'bcair'.includes(letter)) && new Set(letters).size === letters.length) {
      return letters.sort().join('')
    }
    throw badOption(path, `must be letters of "bcair", each once, got ${shown(given)}`)
  },
  thresholds: optional((path, given) => {
    const grades = readObject(path, given, gradesSpecification)
    if (grades.suspicious <= grades.vpn_likely && grades.vpn_likely <= grades.vpn_detected) return grades
    throw badOption(path, 'must rise: suspicious <= vpn_likely <= vpn_detected')
  }),
  families: (path, given) => given === undefined ? [4 as const] : checkFamilies(path, given)
} satisfies Specification<GetipintelOptions>

/**
 * GetIPIntel, https://getipintel.net. Free for 15 calls a minute and 500 a day per source address, which all processes
 * behind one NAT share.
 */
export function getipintel (options: GetipintelOptions): Provider {
  const { contact, flags, oflags, thresholds, families, baseUrl, userAgent, ...remote } = readObject(
    'getipintel', options, specification)
  const settings = { ...remote, timeoutMs: remote.timeoutMs ?? (flags === 'f' ? 8_000 : 5_000) }
  const grades = thresholds ?? defaultGrades
  // Error codes also come under 400, and the page of a 403 names what is refused. No retry: every call counts, and
  // overruns end in a ban.
  const client = httpClient({ baseUrl, userAgent, connections: settings.maxConcurrent, alsoRead: [400, 403] })

  async function ask (ip: string, context: LookupContext): Promise<ProviderAnswer> {
    const query = { ip, contact, format: 'json', flags, oflags: oflags === '' ? undefined : oflags }
    const reply = await client.send({ path: '/check.php', query }, context)
    return 'reason' in reply ? reply : readGetipintel(reply, ip, grades, oflags)
  }

  const provider: Provider | SettlingProvider = {
    name: nameOf(flags, oflags, thresholds),
    quotaName: 'getipintel',
    origin: client.origin,
    ...flags === undefined && { settlesAfterMs: settledMs },
    maxAgeSeconds: SIX_HOURS,
    families,
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
function nameOf (flags: string | undefined, oflags: string, grades: Grades | undefined): string {
  const path = flags === undefined && oflags === '' ? '' : `/${flags ?? ''}${oflags === '' ? '' : `+${oflags}`}`
  const suffix = grades === undefined ? '' : `@${grades.suspicious},${grades.vpn_likely},${grades.vpn_detected}`
  return `getipintel${path}${suffix}`
}
