import type { LookupContext, Provider, ProviderAnswer, Remaining, UnknownAnswer } from '../../../types/contract.ts'
import { badOption } from '../../errors.ts'
import { calendarWindow, hasJustBegun } from '../../rate-limit/index.ts'
import {
  checkString, eachConcurrently, func, int, oneOf, optional, readObject, real, type Specification, text
} from '../../util/index.ts'
import { isObject, unknownAnswer } from '../../verdict/index.ts'
import {
  checkFamilies, parseRetryAfter, type RemoteOptions, remoteSpecification, statusAnswer
} from './answers.ts'
import { checkStatuses, chunksOf, type HttpBulk, type HttpReplyInfo, readBulk, type Rows, spendFor } from './bulk.ts'
import { httpClient, type HttpReply, type HttpRequest, parseJson } from './client.ts'
import { checkSecret, type Secret, secretFinder, secretValue } from './secret.ts'

export { chunksOf, type HttpBulk, type HttpReplyInfo } from './bulk.ts'
export {
  checkFamilies, type RemoteOptions, remoteSpecification, statusAnswer
} from './answers.ts'
export { httpClient, type HttpClient, type HttpReply, type HttpRequest, parseJson } from './client.ts'
export { checkSecret, type Secret, secretFinder, secretValue } from './secret.ts'

/** The options of `httpProvider`. */
export interface HttpProviderOptions<Body> extends RemoteOptions {
  /**
   * Part of each cache entry: whatever changes the answers (flags, a model) belongs in it. 1 to 80 ASCII characters.
   */
  readonly name: string
  /** The service: `https://host[:port][/path]`. */
  readonly baseUrl: string
  /** Address families that the service knows. Default both. */
  readonly families?: readonly (4 | 6)[] | undefined
  /** Further calls after a failed connection or a 5xx, within the same time: 0 to 3. Default 0. */
  readonly retries?: number | undefined
  /** Statuses besides 2xx whose body `read` gets, such as a 404 that is an answer. */
  readonly alsoRead?: readonly number[] | undefined
  /**
   * Statuses that mean that a limit is spent (402, 403, 429): `quota_exhausted`, until the window ends. Default none.
   */
  readonly spentStatuses?: readonly number[] | undefined
  /**
   * The calendar window that a spent limit waits for, in `limits.timeZone`. Default `day`; `month` with
   * `limits.perMonth`.
   */
  readonly spentUntil?: 'day' | 'month' | undefined
  /** The key or token of the account. A function is called for each request, so that a key can be rotated. */
  readonly secret?: Secret | undefined
  /** Older evidence is old for `reply.isOld`. Default 30. */
  readonly maxEvidenceAgeDays?: number | undefined
  /** Providers of one account share its limits under one name. Default: `name`. */
  readonly quotaName?: string | undefined
  /** Longest use of an answer that the service allows, in seconds. Default: the limits of `cache`. */
  readonly maxAgeSeconds?: number | undefined
  /** The question about one address (canonical text). `secret` is empty without the option. */
  request (ip: string, secret: string): HttpRequest
  /**
   * The answer in a reply's JSON. `Body` is a hope: nothing has checked it. null, undefined and a throw mean that it
   * was not understood (`bad_response`). `quota_exhausted` without `retryAfterSeconds` pauses until the window ends.
   */
  read (body: Body, ip: string, reply: HttpReplyInfo): ProviderAnswer | null | undefined
  /** What the reply says is left. It only lowers our own count. */
  remaining?(body: Body, reply: HttpReplyInfo): Remaining | undefined
  /** How to ask about many addresses at once. Default: one by one. */
  readonly bulk?: HttpBulk<Body> | undefined
}

/** A limit that is still spent when its window has just begun is tried again after this: clocks differ. */
const spentAtStartSeconds = 60
const concurrentBulks = 4
const bulkBodyBytes = 4_194_304

/**
 * A provider that makes one HTTP call per address and answers from its JSON. Defaults: `timeoutMs` 5 000, no limits.
 */
export function httpProvider<Body = unknown> (options: HttpProviderOptions<Body>): Provider {
  return namedHttpProvider('httpProvider', options)
}

/** The functions are called on the options, where they may use `this`. */
const specification = {
  ...remoteSpecification({ baseUrl: '', timeoutMs: 5_000, limits: {} }),
  name (path, given) {
    const name = checkString(path, given, '')
    if (/^[\x21-\x7e]{1,80}$/.test(name)) return name
    throw badOption(path, 'must be 1 to 80 printable ASCII characters without spaces')
  },
  families: optional(checkFamilies),
  retries: int(0, 3, 0),
  alsoRead: checkStatuses,
  spentStatuses: checkStatuses,
  spentUntil: oneOf(['day', 'month'], undefined),
  secret: optional(checkSecret),
  maxEvidenceAgeDays: int(1, 3650, 30),
  quotaName: text(undefined),
  maxAgeSeconds: real(1, 31_536_000, undefined),
  request: func<HttpProviderOptions<unknown>['request']>(),
  read: func<HttpProviderOptions<never>['read']>(),
  remaining: func<NonNullable<HttpProviderOptions<never>['remaining']>>(),
  bulk: optional(readBulk<never>)
} satisfies Specification<HttpProviderOptions<never>>

/** `path` is what errors call the options. */
export function namedHttpProvider<Body> (path: string, options: HttpProviderOptions<Body>): Provider {
  const {
    name, baseUrl, userAgent, retries, alsoRead, spentStatuses, spentUntil, secret, maxEvidenceAgeDays,
    request, read, remaining: _, bulk, ...settings
  } = readObject(path, options, specification)
  if (request === undefined || read === undefined) throw badOption(path, 'needs the functions "request" and "read"')
  const { timeZone = 'UTC', perMonth } = settings.limits
  const unit = spentUntil ?? (perMonth === undefined ? 'day' : 'month')
  const client = httpClient({
    baseUrl, userAgent, retries, connections: settings.maxConcurrent, alsoRead: [...alsoRead, ...spentStatuses]
  })

  function spent (cause: string, retryAfter?: string): UnknownAnswer {
    const now = Date.now()
    const untilEnd = hasJustBegun(unit, timeZone, now)
      ? spentAtStartSeconds
      : Math.ceil((calendarWindow(unit, timeZone, now).endsMs - now) / 1000)
    const sooner = parseRetryAfter(retryAfter, now, untilEnd) ?? 0
    return { ...unknownAnswer('quota_exhausted', cause), retryAfterSeconds: sooner > 0 ? sooner : untilEnd }
  }

  function isOld (lastSeen: unknown): boolean {
    const ms = typeof lastSeen === 'number' ? lastSeen * 1000 : Date.parse(String(lastSeen))
    return Number.isFinite(ms) && Date.now() - ms > maxEvidenceAgeDays * 86_400_000
  }

  /** The answers in one reply, each read by `readOne`. */
  function answersIn (
    reply: HttpReply, ips: readonly string[], readOne: HttpBulk<Body>['read'], key: string, context: LookupContext
  ): Rows {
    const { status, headers } = reply
    const isRead = status < 300 || alsoRead.includes(status)
    if (!isRead) {
      const answer = spent(`HTTP ${status}`, headers['retry-after'])
      return ips.map(ip => [ip, answer])
    }
    const body = parseJson(reply.text) as Body
    const info: HttpReplyInfo = { status, headers, isOld }
    const left = attempt(() => options.remaining?.(body, info))
    if (isObject(left) && !('reason' in left)) context.remaining?.(left)
    // One failure of a bulk counts once, however many rows have it: they share one answer.
    const same = new Map<string, ProviderAnswer>()
    const shared = (answer: ProviderAnswer): ProviderAnswer => {
      if (ips.length === 1 || answer.verdict !== 'unknown') return answer
      const text = JSON.stringify(answer)
      if (!same.has(text)) same.set(text, answer)
      return same.get(text)!
    }
    const repeatsSecret = secretFinder(key)
    const answerFor = (ip: string): ProviderAnswer => {
      const read = attempt(() => readOne(body, ip, info)) ?? notUnderstood(reply)
      const answer = repeatsSecret(read) ? withoutTexts(read) : read
      const isSpent = answer.verdict === 'unknown' && answer.reason === 'quota_exhausted'
      if (!isSpent || answer.retryAfterSeconds !== undefined) return answer
      return { ...answer, ...spent('the limit of the service is spent', headers['retry-after']) }
    }
    return ips.map(ip => [ip, shared(answerFor(ip))])
  }

  async function ask (ips: readonly string[], key: string, context: LookupContext, many: boolean): Promise<Rows> {
    const all = (answer: ProviderAnswer): Rows => ips.map(ip => [ip, answer])
    const question = attempt(() => many ? bulk!.request(ips, key) : options.request(ips[0]!, key))
    if (question === undefined) return all(unknownAnswer('bad_response', 'no request'))
    if ('reason' in question) return all(question)
    const reply = many
      ? await client.send(question, context, { timeoutMs: bulk!.timeoutMs, maxBodyBytes: bulkBodyBytes })
      : await client.send(question, context)
    return 'reason' in reply ? all(reply) : answersIn(reply, ips, many ? bulk!.read : options.read, key, context)
  }

  /** Leaves half of the time for the call. */
  const currentKey = (signal: AbortSignal): Promise<string | UnknownAnswer> =>
    secretValue(secret, name, settings.timeoutMs / 2, signal)

  /** In a pipeline, the key was got before the call was charged. */
  async function lookup (ip: string, context: LookupContext): Promise<ProviderAnswer> {
    const key = typeof context.prepared === 'string' ? context.prepared : await currentKey(context.signal)
    return typeof key === 'string' ? (await ask([ip], key, context, false))[0]![1] : key
  }

  async function chunk (ips: readonly string[], context: LookupContext): Promise<Rows> {
    const key = await currentKey(context.signal)
    if (typeof key !== 'string') return ips.map(ip => [ip, key])
    const { granted, refused } = await spendFor(ips.length, bulk!.countsPer, context)
    const rest: Rows = ips.slice(granted).map(ip => [ip, refused!])
    return granted === 0 ? rest : [...await ask(ips.slice(0, granted), key, context, true), ...rest]
  }

  return {
    name,
    origin: client.origin,
    ...settings,
    lookup,
    ...typeof secret === 'function' && { prepare: currentKey },
    ...bulk !== undefined && {
      bulk: (ips, context) => eachConcurrently(chunksOf(ips, bulk.max), concurrentBulks, ips => chunk(ips, context))
    },
    close: () => client.close()
  }
}

/** A refusal keeps its meaning, and its pause. */
function withoutTexts (answer: ProviderAnswer): UnknownAnswer {
  const cause = 'the answer repeats a secret'
  if (answer.verdict !== 'unknown') return unknownAnswer('bad_response', cause)
  const { reason, retryAfterSeconds } = answer
  return { verdict: 'unknown', reason, ...retryAfterSeconds !== undefined && { retryAfterSeconds }, cause }
}

/** A status such as 429 keeps its meaning when its body has none, such as a page of a gateway. */
function notUnderstood ({ status, headers }: HttpReply): UnknownAnswer {
  return status < 300 ? unknownAnswer('bad_response', 'not understood') : statusAnswer(status, headers['retry-after'])
}

/** Only the kind of an error: its message may quote the body, or a key. */
function attempt<T> (call: () => T | null | undefined): T | UnknownAnswer | undefined {
  try {
    return call() ?? undefined
  } catch (error) {
    return unknownAnswer('bad_response', `read() failed with a ${(error as Error | null)?.name ?? 'error'}`)
  }
}
