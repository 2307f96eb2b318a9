import type { KnownAnswer, LookupContext, Provider, ProviderAnswer, UnknownAnswer } from '../../../types/contract.ts'
import { canonicalAddress } from '../../ip/index.ts'
import { checkNumber, checkObject, eachConcurrently } from '../../util/index.ts'
import {
  categoriesOf, isObject, isVpnVerdict, type Json, parseIplogsBody, readBoolean, readFraction, readInfo, readOneOf,
  readText, verdictNames
} from '../../verdict/index.ts'
import {
  type HttpClient, httpClient, type HttpReply, parseJson, readRemoteOptions, remoteOptionNames, type RemoteOptions
} from '../http/index.ts'

/**
 * A compact row of `/v1/bulk-check`: ip, verdict, score, country, asn, provider. It says less than `/v1/check` does (so it is never
 * cached): no signals, no confidence; null when even the verdict is none, or an impossible score stands beside `clean`.
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
    // Of a clean address this may be its network's name: only a VPN has a VPN provider.
    ...isVpn && { vpn_provider: row['provider'] }
  }
  return { verdict, score, isVpn, confidence: null, signals: [], info: readInfo(info), categories: categoriesOf(isVpn, [], info) }
}

/** The most that `/v1/bulk-check` takes, and the time that clients give it (its own budget is 90 s). */
const chunkSize = 100
const chunkTimeoutMs = 95_000
const chunksUnderWay = 4

/** Every address gets a row; rows are matched by address, and a missing one is `unknown`. */
export function iplogsBulk (client: HttpClient, ips: readonly string[], context: LookupContext): AsyncIterable<[string, ProviderAnswer]> {
  const chunks: string[][] = []
  for (let i = 0; i < ips.length; i += chunkSize) chunks.push(ips.slice(i, i + chunkSize))
  return eachConcurrently(chunks, chunksUnderWay, async chunk => await ask(client, chunk, context))
}

async function ask (client: HttpClient, chunk: string[], context: LookupContext): Promise<[string, ProviderAnswer][]> {
  const all = (answer: ProviderAnswer): [string, ProviderAnswer][] => chunk.map(ip => [ip, answer])
  const refused = await context.spend()
  if (refused !== null) return all(refused)
  const reply = await client.send({ path: '/v1/bulk-check', json: { ips: chunk } }, context, { timeoutMs: chunkTimeoutMs, maxBodyBytes: 1_048_576 })
  if ('reason' in reply) return all(reply)
  const body = parseJson(reply.text)
  const results = isObject(body) ? body['results'] : undefined
  if (!Array.isArray(results)) return all({ verdict: 'unknown', reason: 'bad_response', cause: 'no "results"' })
  const rows = new Map<string, ProviderAnswer>()
  for (const row of results) {
    const ip = isObject(row) && typeof row['ip'] === 'string' ? canonicalAddress(row['ip']) : null
    if (ip !== null) rows.set(ip, parseIplogsRow(row) ?? { verdict: 'unknown', reason: 'bad_response', cause: 'not a row' })
  }
  return chunk.map(ip => [ip, rows.get(ip) ?? { verdict: 'unknown', reason: 'bad_response', cause: 'no row for this address' }])
}

export interface IplogsOptions extends RemoteOptions {
  /** Further calls after a failed connection or a 5xx, inside the same time. Default 1. */
  readonly retries?: number
}

/**
 * IPLogs, https://iplogs.com: no key, no sign-up. Defaults: `timeoutMs` 8 000 (what its heaviest addresses take), no `limits`:
 * its documentation names none. After a 429 nobody calls until it is over, and then a part of each minute is kept for writes.
 * Its `verdict` is taken as it is, never computed from the score.
 */
export function iplogs (options: IplogsOptions = {}): Provider {
  const given = checkObject<IplogsOptions>('iplogs', options, [...remoteOptionNames, 'retries'])
  const { baseUrl, userAgent, ...settings } = readRemoteOptions('iplogs', given, {
    baseUrl: 'https://iplogs.com', timeoutMs: 8_000, limits: {}
  })
  const retries = checkNumber('iplogs.retries', given.retries, 1, { min: 0, max: 3 })
  const client = httpClient({ baseUrl, userAgent, retries, connections: settings.maxConcurrent })
  return {
    name: 'iplogs',
    ...settings,
    async lookup (ip, context) {
      return readReply(await client.send({ path: '/v1/check', json: { ip } }, context, settings), ip)
    },
    bulk: (ips, context) => iplogsBulk(client, ips, context),
    close: () => client.close()
  }
}

function readReply (reply: HttpReply | UnknownAnswer, ip: string): ProviderAnswer {
  if ('reason' in reply) return reply
  const answer: KnownAnswer | null = parseIplogsBody(parseJson(reply.text), ip)
  return answer ?? { verdict: 'unknown', reason: 'bad_response', cause: 'not a verdict on this address' }
}
