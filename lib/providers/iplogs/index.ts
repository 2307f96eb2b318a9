import type { KnownAnswer, LookupContext, Provider, ProviderAnswer, UnknownAnswer } from '../../../types/contract.ts'
import { canonicalAddress } from '../../ip/index.ts'
import { checkNumber, checkObject, eachConcurrently } from '../../util/index.ts'
import {
  categoriesOf, isObject, isVpnVerdict, type Json, knownAnswer, parseIplogsBody, readBoolean, readFraction, readInfo,
  readOneOf, readText, unknownAnswer, validatesAnswers, verdictNames
} from '../../verdict/index.ts'
import {
  type HttpClient, httpClient, type HttpReply, parseJson, readRemoteOptions, remoteOptionNames, type RemoteOptions
} from '../http/index.ts'

/**
 * A compact row of `/v1/bulk-check`: ip, verdict, score, country, asn, provider. It has neither signals nor
 * confidence, so it is never cached. null: without a verdict, or with an impossible score beside `clean`.
 */
export function parseIplogsRow (row: Json): KnownAnswer | null {
  const verdict = readOneOf(row['verdict'], verdictNames)
  const given = row['score'] ?? undefined
  const score = readFraction(given) ?? null
  if (verdict === undefined || (verdict === 'clean' && given !== undefined && score === null)) return null
  const isVpn = readBoolean(row['is_vpn']) ?? isVpnVerdict(verdict)
  const country = readText(row['country'])
  const info = {
    asn: row['asn'],
    [country !== undefined && /^[A-Z]{2}$/.test(country) ? 'country_code' : 'country']: country,
    // For a clean address this may be the name of its network: only a VPN has a VPN provider.
    ...isVpn && { vpn_provider: row['provider'] }
  }
  return knownAnswer(verdict, { score, isVpn, info: readInfo(info), categories: categoriesOf(isVpn, [], info) })
}

/** The most that `/v1/bulk-check` takes, and the time that clients give it (its own limit is 90 s). */
const chunkSize = 100
const chunkTimeoutMs = 95_000
const concurrentChunks = 4

/** Every address gets a row; rows are matched by address, and a missing one is `unknown`. */
export function iplogsBulk (
  client: HttpClient, ips: readonly string[], context: LookupContext
): AsyncIterable<[string, ProviderAnswer]> {
  const chunks: string[][] = []
  for (let i = 0; i < ips.length; i += chunkSize) chunks.push(ips.slice(i, i + chunkSize))
  return eachConcurrently(chunks, concurrentChunks, async chunk => await ask(client, chunk, context))
}

async function ask (client: HttpClient, chunk: string[], context: LookupContext): Promise<[string, ProviderAnswer][]> {
  const all = (answer: ProviderAnswer): [string, ProviderAnswer][] => chunk.map(ip => [ip, answer])
  const refused = await context.spend()
  if (refused !== null) return all(refused)
  const limits = { timeoutMs: chunkTimeoutMs, maxBodyBytes: 1_048_576 }
  const reply = await client.send({ path: '/v1/bulk-check', json: { ips: chunk } }, context, limits)
  if ('reason' in reply) return all(reply)
  const body = parseJson(reply.text)
  const results = isObject(body) ? body['results'] : undefined
  if (!Array.isArray(results)) return all(unknownAnswer('bad_response', 'no "results"'))
  const rows = new Map<string, ProviderAnswer>()
  for (const row of results) {
    const ip = isObject(row) && typeof row['ip'] === 'string' ? canonicalAddress(row['ip']) : null
    if (ip !== null) rows.set(ip, parseIplogsRow(row) ?? unknownAnswer('bad_response', 'not a row'))
  }
  return chunk.map(ip => [ip, rows.get(ip) ?? unknownAnswer('bad_response', 'no row for this address')])
}

/** The options of `iplogs`. */
export interface IplogsOptions extends RemoteOptions {
  /** Further calls after a failed connection or a 5xx, within the same time: 0 to 3. Default 1. */
  readonly retries?: number | undefined
}

/**
 * IPLogs, https://iplogs.com: no key, no sign-up. Defaults: `timeoutMs` 8 000 (what its heaviest addresses take), no
 * `limits`: its documentation names none. After a 429 the fleet pauses, and then keeps a part of each minute for
 * writes. Its `verdict` is used as it is, never computed from the score.
 */
export function iplogs (options: IplogsOptions = {}): Provider {
  const given = checkObject<IplogsOptions>('iplogs', options, [...remoteOptionNames, 'retries'])
  const { baseUrl, userAgent, ...settings } = readRemoteOptions('iplogs', given, {
    baseUrl: 'https://iplogs.com', timeoutMs: 8_000, limits: {}
  })
  const retries = checkNumber('iplogs.retries', given.retries, 1, { min: 0, max: 3 })
  const client = httpClient({ baseUrl, userAgent, retries, connections: settings.maxConcurrent })
  return validatesAnswers({
    name: 'iplogs',
    ...settings,
    async lookup (ip, context) {
      return readReply(await client.send({ path: '/v1/check', json: { ip } }, context), ip)
    },
    bulk: (ips, context) => iplogsBulk(client, ips, context),
    close: () => client.close()
  })
}

function readReply (reply: HttpReply | UnknownAnswer, ip: string): ProviderAnswer {
  if ('reason' in reply) return reply
  return parseIplogsBody(parseJson(reply.text), ip) ?? unknownAnswer('bad_response', 'not a verdict on this address')
}
