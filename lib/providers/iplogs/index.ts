import type {
  Category, KnownAnswer, LookupContext, Provider, ProviderAnswer, UnknownAnswer
} from '../../../types/contract.ts'
import { canonicalAddress } from '../../ip/index.ts'
import { eachConcurrently, int, optional, readObject, type Specification } from '../../util/index.ts'
import {
  categoriesOf, failureReasons, isObject, isVpnVerdict, type Json, knownAnswer, parseIplogsBody, readBoolean,
  readCategories, readFraction, readInfo, readOneOf, readText, unknownAnswer, validatesAnswers, verdictNames
} from '../../verdict/index.ts'
import {
  checkSecret, chunksOf, type HttpClient, httpClient, type HttpReply, type HttpRequest, parseJson,
  type RemoteOptions, remoteSpecification, type Secret, secretFinder, secretValue
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
  const categories = namedCategories(row) ?? categoriesOf(isVpn, [], info)
  return knownAnswer(verdict, { score, isVpn, info: readInfo(info), categories })
}

/** `ip-risk serve` names the categories, as its own provider found them. */
function namedCategories (body: Json): Category[] | undefined {
  const given = body['categories']
  const known = readCategories(given)
  return Array.isArray(given) && known.length === given.length ? known : undefined
}

/** On a check of `ip-risk serve` without a verdict: why. */
const REASON_HEADER = 'ip-risk-reason'

/**
 * What `ip-risk serve` says instead of a verdict. The service itself works, so nothing pauses the calls to it: another
 * address may be in its cache.
 */
function unknownBehind (given: unknown): UnknownAnswer {
  const reason = readOneOf(given, failureReasons)
  const cause = `ip-risk serve: ${reason ?? 'no verdict'}`
  return unknownAnswer(reason === 'rate_limited' ? 'quota_exhausted' : reason ?? 'no_data', cause)
}

/** The most that `/v1/bulk-check` takes, and the time that clients give it (its own limit is 90 s). */
const chunkSize = 100
const chunkTimeoutMs = 95_000
const concurrentChunks = 4

/** Every address gets a row; rows are matched by address, and a missing one is `unknown`. */
function iplogsBulk (
  client: Sender, ips: readonly string[], context: LookupContext
): AsyncIterable<[string, ProviderAnswer]> {
  return eachConcurrently(chunksOf(ips, chunkSize), concurrentChunks, async chunk => await ask(client, chunk, context))
}

async function ask (client: Sender, chunk: string[], context: LookupContext): Promise<[string, ProviderAnswer][]> {
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
  const unknown: unknown = (body as Json)['unknown']
  for (const row of Array.isArray(unknown) ? unknown : []) {
    const ip = isObject(row) && typeof row['ip'] === 'string' ? canonicalAddress(row['ip']) : null
    if (ip !== null) rows.set(ip, unknownBehind((row as Json)['reason']))
  }
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
  /**
   * The token of an `ip-risk serve` at `baseUrl`, sent as `Authorization: Bearer`. A function is called for each
   * request, so that a token can be rotated. Default none: IPLogs has no key.
   */
  readonly secret?: Secret | undefined
}

const specification = {
  ...remoteSpecification({ baseUrl: 'https://iplogs.com', timeoutMs: 8_000, limits: {} }),
  retries: int(0, 3, 1),
  secret: optional(checkSecret)
} satisfies Specification<IplogsOptions>

type Sender = Pick<HttpClient, 'send'>

/** Sends the token with each request, and refuses a reply that repeats it. */
function withToken (client: HttpClient, secret: Secret): Sender {
  return {
    async send (request: HttpRequest, ...rest) {
      const token = await secretValue(secret, 'iplogs')
      if (typeof token !== 'string') return token
      const reply = await client.send({ ...request, headers: { authorization: `Bearer ${token}` } }, ...rest)
      if ('reason' in reply || !secretFinder(token)({ ...reply, body: parseJson(reply.text) })) return reply
      return unknownAnswer('bad_response', 'the answer repeats a secret')
    }
  }
}

/**
 * IPLogs, https://iplogs.com: no key, no sign-up. Defaults: `timeoutMs` 8 000 (what its heaviest addresses take), no
 * `limits`: its documentation names none. After a 429 the fleet pauses, and then keeps a part of each minute for
 * writes. Its `verdict` is used as it is, never computed from the score.
 */
export function iplogs (options: IplogsOptions = {}): Provider {
  const { baseUrl, userAgent, retries, secret, ...settings } = readObject('iplogs', options, specification)
  const client = httpClient({
    baseUrl, userAgent, retries, connections: settings.maxConcurrent, alsoReadWith: REASON_HEADER
  })
  const sender = secret === undefined ? client : withToken(client, secret)
  return validatesAnswers({
    name: 'iplogs',
    origin: client.origin,
    ...settings,
    async lookup (ip, context) {
      return readReply(await sender.send({ path: '/v1/check', json: { ip } }, context), ip)
    },
    bulk: (ips, context) => iplogsBulk(sender, ips, context),
    close: () => client.close()
  })
}

function readReply (reply: HttpReply | UnknownAnswer, ip: string): ProviderAnswer {
  if ('reason' in reply) return reply
  const reason = reply.headers[REASON_HEADER]
  if (reason !== undefined) return unknownBehind(reason)
  const body = parseJson(reply.text)
  const answer = parseIplogsBody(body, ip)
  if (answer === null) return unknownAnswer('bad_response', 'not a verdict on this address')
  const categories = namedCategories(body as Json)
  return categories === undefined ? answer : { ...answer, categories }
}
