import type { Category, IpInfo, ProviderAnswer, Signal, UnknownAnswer, VerdictName } from '../../../types/contract.ts'
import { canonicalAddress } from '../../ip/index.ts'
import {
  categoryNames, isObject, isVpnVerdict, type Json, knownAnswer, readFraction, readNumber, readText, relayOrWarp,
  unknownAnswer
} from '../../verdict/index.ts'
import { type HttpReply, parseJson, statusAnswer } from '../http/index.ts'

/** Scores where the verdicts begin. */
export interface Grades {
  /** Lowest score of `suspicious`, 0 to 1. */
  readonly suspicious: number
  /** Lowest score of `vpn_likely`, 0 to 1. */
  readonly vpn_likely: number
  /** Lowest score of `vpn_detected`, 0 to 1. */
  readonly vpn_detected: number
}

/** A ban or a refused contact lasts until a human writes to GetIPIntel; further calls make it worse. */
const pauseSeconds = 3_600

/**
 * Answers are JSON (numbers as strings) or bare text; errors are negative results, under 200, 400 and perhaps 403. The
 * contact, which is echoed, is not read.
 */
export function readGetipintel (
  { status, text }: HttpReply, ip: string, grades: Grades, oflags: string
): ProviderAnswer {
  const body = text.trimStart().startsWith('{') ? parseJson(text) : plainBody(text.trim(), oflags)
  const result = isObject(body) ? readNumber(body['result']) : undefined
  if (result !== undefined && result < 0) return codeAnswer(result)
  if (status === 403 && /bad browser/i.test(text)) return badBrowser
  if (status >= 400) return statusAnswer(status, undefined)
  if (!isObject(body) || result === undefined) return unknownAnswer('bad_response', 'no result')
  if (body['status'] !== 'success') return unknownAnswer('bad_response', 'not a success')
  if (result > 1) return unknownAnswer('bad_response', 'a result above 1')
  const queried = body['queryIP']
  if (queried !== undefined && (typeof queried !== 'string' || canonicalAddress(queried) !== ip)) {
    return unknownAnswer('bad_response', 'another address')
  }
  const verdict: VerdictName = result === 1 || result > grades.vpn_detected
    ? 'vpn_detected'
    : result > grades.vpn_likely ? 'vpn_likely' : result >= grades.suspicious ? 'suspicious' : 'clean'
  const isVpn = isVpnVerdict(verdict)
  return knownAnswer(verdict, { score: result, isVpn, info: infoOf(body), ...findings(body, result, isVpn, grades) })
}

/** `0.97`, then `,BadIP` and `,Country` when asked for. */
function plainBody (text: string, oflags: string): Json {
  const [result, ...rest] = text.split(',').map(part => part.trim())
  const badIp = oflags.includes('b') ? rest.shift() : undefined
  const country = oflags.includes('c') ? rest.shift() : undefined
  return { status: 'success', result, BadIP: badIp, Country: country }
}

/** What a negative result means: [reason, alert, pause in seconds]. */
const codes: Readonly<Record<string, readonly [UnknownAnswer['reason'], alert?: string, pauseSeconds?: number]>> = {
  '-1': ['rejected', invalidQuestion(-1)],
  '-2': ['rejected', invalidQuestion(-2)],
  '-3': ['rejected', 'GetIPIntel calls an address that we took for public unroutable (-3). Other addresses are not ' +
    'affected. This is a fault of fastify-ip-risk: please report it.'],
  '-4': ['unavailable'],
  '-5': ['rejected', 'GetIPIntel has banned this source address or gives it no permission (-5), so calls stop for an ' +
    'hour. A human must act: check that the contact is a mailbox that is read and that no other program uses up the ' +
    'limit of this address, then write to GetIPIntel.', pauseSeconds],
  '-6': ['rejected', 'GetIPIntel refuses the contact (-6), so calls stop for an hour. A human must act: set the ' +
    'option getipintel.contact to a working mailbox.', pauseSeconds]
}

function invalidQuestion (code: number): string {
  return `GetIPIntel calls our question invalid (${code}), so addresses are unknown. If something in between ` +
    'rewrites the query of URLs, exclude these calls; otherwise this is a fault of fastify-ip-risk: please report it.'
}

function codeAnswer (code: number): UnknownAnswer {
  const [reason, alert, retryAfterSeconds] = codes[String(code)] ?? []
  if (reason === undefined) return unknownAnswer('bad_response', 'an unknown code')
  return {
    ...unknownAnswer(reason, `GetIPIntel ${code}`),
    ...alert !== undefined && { alert },
    ...retryAfterSeconds !== undefined && { retryAfterSeconds }
  }
}

/** A user agent that GetIPIntel's front does not accept. */
const badBrowser: UnknownAnswer = Object.freeze({
  verdict: 'unknown',
  reason: 'rejected',
  cause: 'HTTP 403',
  retryAfterSeconds: 60,
  alert: 'GetIPIntel refuses our user agent (HTTP 403, "Bad Browser"), so calls stop for a minute: set the option ' +
    '"getipintel.userAgent" to another text.'
})

function infoOf (body: Json): IpInfo {
  const country = readText(body['Country'])
  const asns = body['ASN']
  const asn = readText(typeof asns === 'number' ? String(asns) : asns)?.split(';')[0]?.trim()
  return {
    ...country !== undefined && /^[A-Z]{2}$/.test(country) && { countryCode: country },
    ...asn !== undefined && /^(AS)?\d{1,10}$/.test(asn) && { asn: `AS${asn.replace('AS', '')}` }
  }
}

function findings (
  body: Json, score: number, isVpn: boolean, grades: Grades
): { signals: Signal[], categories: Category[] } {
  const signals: Signal[] = []
  const categories = new Set<Category>()
  const found = (category: Category | null, type: string, weight: number, detail: string): void => {
    signals.push({ type, weight, detail })
    if (category !== null) categories.add(category)
  }
  const vpnType = readText(body['VPNType'])
  const residential = readFraction(body['ResidentialProxy']) ?? 0
  if (score === 1) found(null, 'listed', 1, 'explicitly listed')
  const named = relayOrWarp(vpnType)
  if (readNumber(body['iCloudRelayEgress']) === 1 || named === 'relay') {
    found('relay', 'icloud_relay', 0, 'iCloud Private Relay')
  }
  if (named === 'warp') found('warp', 'cloudflare_warp', 0, 'Cloudflare WARP')
  if (readNumber(body['GoogleOneVPN']) === 1 || /^google/i.test(vpnType ?? '')) {
    found('vpn', 'google_vpn', 0, vpnType ?? 'GoogleOneVPN')
  }
  if (residential > grades.vpn_likely) found('proxy', 'residential_proxy', residential, 'residential proxy')
  if (readNumber(body['BadIP']) === 1) found('abuse', 'bad_ip', 0, 'seen in bad behaviour')
  // A relay is not a VPN: ordinary customers use it.
  if (isVpn && !categories.has('relay') && !categories.has('warp')) categories.add('vpn')
  return { signals, categories: categoryNames.filter(name => categories.has(name)) }
}
