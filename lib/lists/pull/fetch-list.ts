import { setTimeout as wait } from 'node:timers/promises'
import { BadList } from '../../errors.ts'
import { version } from '../../util/index.ts'
import { MAX_LIST_BYTES } from '../sources/read-list.ts'

export interface FetchOptions {
  /** One attempt, the last byte included. Default 60 000. */
  readonly timeoutMs?: number
  /** Attempts after the first, where another may help: connection lost, 429, 5xx. Default 2. */
  readonly retries?: number
  /**
   * Before the first retry; doubled each time. A publisher's `Retry-After` up to 30 s counts instead. Default 1 000.
   */
  readonly retryDelayMs?: number
  /** As sent, before inflating. Default `MAX_LIST_BYTES`. */
  readonly maxBytes?: number
  readonly signal?: AbortSignal
}

/** What was there the last time, so that an unchanged list is not sent again. */
export interface Known { readonly etag?: string, readonly lastModified?: string }

export type Fetched =
  | { readonly status: 'unchanged' }
  | { readonly status: 'fetched', readonly bytes: Uint8Array, readonly etag?: string, readonly lastModified?: string }

const MAX_REDIRECTS = 5
const MAX_RETRY_AFTER_SECONDS = 30

/** The body of a list. Rejects with `BadList`, whatever went wrong on the way. */
export async function fetchList (url: string, known: Known = {}, options: FetchOptions = {}): Promise<Fetched> {
  const { retries = 2, retryDelayMs = 1000, timeoutMs = 60_000, signal } = options
  for (let attempt = 0; ; attempt++) {
    const attemptSignal = AbortSignal.timeout(timeoutMs)
    const either = signal === undefined ? attemptSignal : AbortSignal.any([attemptSignal, signal])
    const outcome = await follow(url, known, options.maxBytes ?? MAX_LIST_BYTES, either)
      .catch((cause: unknown): Failure => asFailure(cause, attemptSignal, timeoutMs))
    if (!('problem' in outcome)) return outcome
    if (!outcome.again || attempt >= retries || signal?.aborted === true) {
      throw new BadList(outcome.problem, { cause: outcome.cause })
    }
    await wait(outcome.afterMs ?? retryDelayMs * 2 ** attempt)
  }
}

interface Failure {
  readonly problem: string
  readonly again: boolean
  readonly afterMs?: number
  readonly cause?: unknown
}
const failure = (problem: string, again = false): Failure => ({ problem, again })

async function follow (url: string, known: Known, maxBytes: number, signal: AbortSignal): Promise<Fetched | Failure> {
  const { request } = await import('undici') // here, because it takes a while to load and few processes pull lists
  let at = new URL(url)
  for (let hops = 0; hops <= MAX_REDIRECTS; hops++) {
    const { statusCode, headers, body } = await request(at, { headers: requestHeaders(known), signal })
    const header = (name: string) => [headers[name]].flat()[0]
    if (statusCode === 200) {
      return await received(body, maxBytes, {
        etag: header('etag'), lastModified: header('last-modified')
      }, header('content-length'))
    }
    await body.dump()
    if (statusCode === 304) return { status: 'unchanged' }
    const location = header('location')
    if (statusCode < 300 || statusCode > 399 || location === undefined) {
      return refused(statusCode, header('retry-after'))
    }
    if (!URL.canParse(location, at)) return failure('its publisher redirects to an address that is none')
    const next = new URL(location, at)
    // What a publisher signs with TLS must not be replaced on the way by whoever sits on an open network.
    if (next.protocol !== 'https:' && next.protocol !== at.protocol) {
      return failure(`its publisher redirects to ${next.protocol}//, which is not safe`)
    }
    at = next
  }
  return failure(`its publisher redirects more than ${MAX_REDIRECTS} times`)
}

function requestHeaders ({ etag, lastModified }: Known): Record<string, string> {
  return {
    'user-agent': `fastify-ip-risk/${version} (+https://www.npmjs.com/package/fastify-ip-risk)`,
    accept: '*/*',
    'accept-encoding': 'gzip',
    ...etag !== undefined && { 'if-none-match': etag },
    ...lastModified !== undefined && { 'if-modified-since': lastModified }
  }
}

function refused (statusCode: number, retryAfter: string | undefined): Failure {
  const again = statusCode === 429 || statusCode >= 500
  const seconds = Number(retryAfter ?? NaN)
  const problem = `its publisher answered ${statusCode}`
  return seconds >= 0 && seconds <= MAX_RETRY_AFTER_SECONDS
    ? { problem, again, afterMs: seconds * 1000 }
    : { problem, again }
}

type Body = Awaited<ReturnType<typeof import('undici').request>>['body']

async function received (
  body: Body, maxBytes: number, { etag, lastModified }: { [K in keyof Known]: Known[K] | undefined },
  contentLength: string | undefined
): Promise<Fetched | Failure> {
  const tooLarge = failure(`it is larger than ${maxBytes} bytes`)
  const chunks: Uint8Array[] = []
  let length = 0
  if (Number(contentLength) > maxBytes) {
    body.destroy()
    return tooLarge
  }
  for await (const chunk of body as AsyncIterable<Uint8Array>) {
    length += chunk.length
    if (length > maxBytes) return tooLarge // leaving the loop destroys the body
    chunks.push(chunk)
  }
  return {
    status: 'fetched',
    bytes: Buffer.concat(chunks),
    ...etag !== undefined &&
    { etag },
    ...lastModified !== undefined && { lastModified }
  }
}

function asFailure (cause: unknown, attempt: AbortSignal, timeoutMs: number): Failure {
  if (attempt.aborted) return { problem: `its publisher took longer than ${timeoutMs} ms`, again: true, cause }
  // An AggregateError of both address families has no message, an AbortError a number for its code.
  const { code, message } = cause as NodeJS.ErrnoException
  const details = [message, code].filter(text => typeof text === 'string' && text !== '')
  return { problem: `its publisher cannot be reached or broke off (${details.join(', ')})`, again: true, cause }
}
