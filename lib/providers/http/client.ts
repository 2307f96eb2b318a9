import { setTimeout as sleep } from 'node:timers/promises'
import { createRequire } from 'node:module'
import type { Pool } from 'undici'
import type { LookupContext, UnknownAnswer } from '../../../types/contract.ts'
import { deadline, version } from '../../util/index.ts'
import { baseUrlParts, failureAnswer, statusAnswer } from './answers.ts'

/** The part of @opentelemetry/api that is used here. All its versions 1.x share one global symbol. */
interface Context { setValue (key: symbol, value: unknown): Context }
interface ContextManager {
  active (): Context
  with<T> (context: Context, call: () => T): T
}

const apiSymbol = Symbol.for('opentelemetry.js.api.1')
/** What `suppressTracing` of @opentelemetry/core sets. Tracers and propagators look at it. */
const suppressKey = Symbol.for('OpenTelemetry SDK Context Key SUPPRESS_TRACING')

/**
 * Runs `call` so that OpenTelemetry, where the application has it, makes no span of the HTTP requests in it: a span
 * has the whole URL, and with it a visitor's address and perhaps a key. Trace headers stay out of the request too.
 */
function untraced<T> (call: () => T): T {
  const manager = (globalThis as { [apiSymbol]?: { readonly context?: Partial<ContextManager> } })[apiSymbol]?.context
  let context: Context | undefined
  try {
    context = manager?.active?.().setValue(suppressKey, true)
  } catch {} // something else under that name
  return context === undefined || manager?.with === undefined ? call() : manager.with(context, call)
}

export const userAgent: string = `fastify-ip-risk/${version} (+https://www.npmjs.com/package/fastify-ip-risk)`

interface HttpClientOptions {
  /** `https://host[:port][/path]`; without credentials, query and fragment. */
  readonly baseUrl: string
  /** Default: our name and version. */
  readonly userAgent?: string | undefined
  /** Further calls after a failed connection or a 5xx, within the same time. Default 0. */
  readonly retries?: number | undefined
  /** Connections at once. Default 50. */
  readonly connections?: number | undefined
  /** Statuses other than 2xx whose body is read, too. */
  readonly alsoRead?: readonly number[] | undefined
  /** A reply with this header (in lower case) is read whatever its status. */
  readonly alsoReadWith?: string | undefined
}

/** One call to a service. */
export interface HttpRequest {
  /** Default `POST` with a body, else `GET`. */
  readonly method?: 'GET' | 'POST' | undefined
  /** After the path of the base URL, beginning with a slash. */
  readonly path: string
  /** Encoded by the client; `undefined` is left out. */
  readonly query?: Readonly<Record<string, string | undefined>>
  /** Besides `accept` and `user-agent`, which they may replace. */
  readonly headers?: Readonly<Record<string, string>> | undefined
  /** Sent as JSON. */
  readonly json?: unknown
  /** Sent as a form (`application/x-www-form-urlencoded`), instead of `json`. */
  readonly form?: Readonly<Record<string, string>> | undefined
}

export interface HttpReply {
  readonly status: number
  readonly text: string
  /** Names in lower case; the first of several values. */
  readonly headers: Readonly<Record<string, string | undefined>>
}

export interface HttpClient {
  /** Scheme, host and port of the service. */
  readonly origin: string
  /**
   * Makes one call, which ends with `context.signal`. Never rejects: a failure comes back as an unknown answer, which
   * holds no URL, header or body.
   */
  send (
    request: HttpRequest, context: Pick<LookupContext, 'signal' | 'spend'>, limits?: CallLimits
  ): Promise<HttpReply | UnknownAnswer>
  close (): Promise<void>
}

interface CallLimits {
  /** For one call of a bulk, whose signal has no time limit. Default: the signal's. */
  readonly timeoutMs?: number | undefined
  /** Default 65 536: a verdict has a few KB. */
  readonly maxBodyBytes?: number | undefined
}

const require = createRequire(import.meta.url)

/**
 * Keeps connections alive, follows no redirect, and bounds the size of every reply. Loads undici.
 */
export function httpClient (options: HttpClientOptions): HttpClient {
  const { origin, path: basePath } = baseUrlParts('baseUrl', options.baseUrl)
  const retries = options.retries ?? 0
  // Loaded here rather than with the first call, whose time it would take.
  const undici = require('undici') as typeof import('undici')
  const pool: Pool = new undici.Pool(origin, {
    connections: options.connections ?? 50,
    keepAliveTimeout: 15_000,
    // Frees connections to a host that drops packets; the call itself ends with its signal.
    connect: { timeout: 5_000 },
    // The signal is the only time limit: headersTimeout is late by up to 500 ms, bodyTimeout restarts with every byte.
    headersTimeout: 0,
    bodyTimeout: 0
  })

  async function once (
    request: HttpRequest, signal: AbortSignal, maxBodyBytes: number
  ): Promise<HttpReply | UnknownAnswer> {
    try {
      const { form, json } = request
      const sent = form !== undefined
        ? new URLSearchParams(form).toString()
        : json === undefined ? null : JSON.stringify(json)
      const type = form === undefined ? 'application/json' : 'application/x-www-form-urlencoded'
      const { statusCode: status, headers, body } = await untraced(() => pool.request({
        method: request.method ?? (sent === null ? 'GET' : 'POST'),
        path: basePath + request.path + queryText(request.query),
        headers: {
          accept: 'application/json',
          'accept-encoding': 'identity',
          'user-agent': options.userAgent ?? userAgent,
          ...sent !== null && { 'content-type': type },
          ...request.headers
        },
        body: sent,
        signal
      }))
      const isRead = (status >= 200 && status <= 299) || options.alsoRead?.includes(status) === true ||
        (options.alsoReadWith !== undefined && headers[options.alsoReadWith] !== undefined)
      if (!isRead) {
        body.on('error', () => {}).destroy()
        return statusAnswer(status, headers['retry-after'])
      }
      const chunks: Buffer[] = []
      let bytes = 0
      for await (const chunk of body) {
        bytes += chunk.length
        if (bytes > maxBodyBytes) {
          return { verdict: 'unknown', reason: 'bad_response', cause: `more than ${maxBodyBytes} bytes` }
        }
        chunks.push(chunk)
      }
      const text = new TextDecoder().decode(Buffer.concat(chunks))
      return { status, text, headers: firstOf(headers) }
    } catch (error) {
      return failureAnswer(error, signal)
    }
  }

  return {
    origin,
    async send (request, context, { timeoutMs, maxBodyBytes = 65_536 } = {}) {
      const time = timeoutMs === undefined ? undefined : deadline(timeoutMs, context.signal)
      const signal = time?.signal ?? context.signal
      try {
        let answer = await once(request, signal, maxBodyBytes)
        for (let left = retries; left > 0 && 'reason' in answer && answer.reason === 'unavailable'; left--) {
          // Jittered, so that a fleet that failed together does not come back together.
          await sleep(50 + Math.random() * 200, undefined, { signal }).catch(() => {})
          if (signal.aborted || await context.spend() !== null) break
          answer = await once(request, signal, maxBodyBytes)
        }
        return answer
      } finally {
        time?.clear()
      }
    },
    close: () => pool.destroy()
  }
}

function firstOf (headers: Readonly<Record<string, string | string[] | undefined>>): HttpReply['headers'] {
  const first = (value: string | string[] | undefined): string | undefined => Array.isArray(value) ? value[0] : value
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, first(value)]))
}

function queryText (query: HttpRequest['query']): string {
  const given = Object.entries(query ?? {}).filter((pair): pair is [string, string] => pair[1] !== undefined)
  const pairs = given.map(([name, value]) => `${encodeURIComponent(name)}=${encodeURIComponent(value)}`)
  return pairs.length === 0 ? '' : `?${pairs.join('&')}`
}

/** The JSON of a reply, or `undefined`. Only named fields are ever read, so a `__proto__` in it does nothing. */
export function parseJson (text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
