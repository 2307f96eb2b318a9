import { setTimeout as sleep } from 'node:timers/promises'
import { Pool } from 'undici'
import type { LookupContext, UnknownAnswer } from '../../../types/contract.ts'
import { deadline, version } from '../../util/index.ts'
import { baseUrlParts, failureAnswer, statusAnswer } from './answers.ts'

/** What @opentelemetry/api keeps under its global symbol, as far as it is used here; all its versions 1.x share the symbol. */
interface Context { setValue (key: symbol, value: unknown): Context }
interface ContextManager {
  active (): Context
  with<T> (context: Context, call: () => T): T
}

const apiSymbol = Symbol.for('opentelemetry.js.api.1')
/** What `suppressTracing` of @opentelemetry/core sets. Tracers and propagators look at it. */
const suppressKey = Symbol.for('OpenTelemetry SDK Context Key SUPPRESS_TRACING')

/**
 * Runs `call` so that OpenTelemetry, where the application has it, makes no span of the HTTP requests in it: a span has the whole URL, and
 * with it a visitor's address and perhaps an account. Trace headers stay out of the request too.
 */
export function untraced<T> (call: () => T): T {
  const manager = (globalThis as { [apiSymbol]?: { readonly context?: Partial<ContextManager> } })[apiSymbol]?.context
  let context: Context | undefined
  try {
    context = manager?.active?.().setValue(suppressKey, true)
  } catch {} // something else under that name
  return context === undefined || manager?.with === undefined ? call() : manager.with(context, call)
}

export const userAgent: string = `fastify-ip-risk/${version} (+https://www.npmjs.com/package/fastify-ip-risk)`

export interface HttpClientOptions {
  /** `https://host[:port][/path]`; without credentials, query and fragment. */
  readonly baseUrl: string
  /** Default: our name and version. */
  readonly userAgent?: string | undefined
  /** Further calls after a failed connection or a 5xx, inside the same time. Default 0. */
  readonly retries?: number | undefined
  /** Connections kept at most. Default 50. */
  readonly connections?: number | undefined
  /** Statuses other than 2xx whose body is read all the same. */
  readonly alsoRead?: readonly number[] | undefined
}

export interface HttpRequest {
  /** Default `POST` when there is a body, else `GET`. */
  readonly method?: 'GET' | 'POST'
  /** After the base URL, from the slash on. */
  readonly path: string
  /** Encoded here; `undefined` is left out. */
  readonly query?: Readonly<Record<string, string | undefined>>
  readonly headers?: Readonly<Record<string, string>>
  /** Sent as JSON. */
  readonly json?: unknown
}

export interface HttpReply {
  readonly status: number
  readonly text: string
}

export interface HttpClient {
  /**
   * One question, answered within `timeoutMs` whatever the other side does. Never rejects: what went wrong comes back as an
   * unknown answer, in which no URL, header or body stands.
   */
  send (request: HttpRequest, context: Pick<LookupContext, 'signal' | 'spend'>, limits: CallLimits): Promise<HttpReply | UnknownAnswer>
  close (): Promise<void>
}

export interface CallLimits {
  /** For the whole call, retries included. */
  readonly timeoutMs: number
  /** Default 65 536: a verdict is a few KB. */
  readonly maxBodyBytes?: number
}

/** Keeps connections alive, follows no redirect, and bounds time and size of every reply. */
export function httpClient (options: HttpClientOptions): HttpClient {
  const { origin, path: basePath } = baseUrlParts('baseUrl', options.baseUrl)
  const pool = new Pool(origin, {
    connections: options.connections ?? 50,
    keepAliveTimeout: 15_000,
    // Frees what waits for a host that swallows packets; a call's own deadline is `send`'s.
    connect: { timeout: 5_000 },
    // undici's other limits are off: headersTimeout is late by up to 500 ms, and bodyTimeout starts again with every byte.
    headersTimeout: 0,
    bodyTimeout: 0
  })
  const retries = options.retries ?? 0

  async function once (request: HttpRequest, signal: AbortSignal, maxBodyBytes: number): Promise<HttpReply | UnknownAnswer> {
    try {
      const json = request.json === undefined ? null : JSON.stringify(request.json)
      const { statusCode: status, headers, body } = await untraced(() => pool.request({
        method: request.method ?? (json === null ? 'GET' : 'POST'),
        path: basePath + request.path + queryText(request.query),
        headers: {
          accept: 'application/json',
          'accept-encoding': 'identity',
          'user-agent': options.userAgent ?? userAgent,
          ...json !== null && { 'content-type': 'application/json' },
          ...request.headers
        },
        body: json,
        signal
      }))
      if ((status < 200 || status > 299) && options.alsoRead?.includes(status) !== true) {
        body.on('error', () => {}).destroy()
        return statusAnswer(status, headers['retry-after'])
      }
      const chunks: Buffer[] = []
      let bytes = 0
      for await (const chunk of body) {
        bytes += chunk.length
        if (bytes > maxBodyBytes) return { verdict: 'unknown', reason: 'bad_response', cause: `more than ${maxBodyBytes} bytes` }
        chunks.push(chunk)
      }
      return { status, text: new TextDecoder().decode(Buffer.concat(chunks)) }
    } catch (error) {
      return failureAnswer(error, signal)
    }
  }

  return {
    async send (request, context, { timeoutMs, maxBodyBytes = 65_536 }) {
      const time = deadline(timeoutMs, context.signal)
      try {
        let answer = await once(request, time.signal, maxBodyBytes)
        for (let left = retries; left > 0 && 'reason' in answer && answer.reason === 'unavailable'; left--) {
          // Jittered, so that a fleet that failed together does not come back together.
          await sleep(50 + Math.random() * 200, undefined, { signal: time.signal }).catch(() => {})
          if (time.signal.aborted || await context.spend() !== null) break
          answer = await once(request, time.signal, maxBodyBytes)
        }
        return answer
      } finally {
        time.clear()
      }
    },
    close: () => pool.destroy()
  }
}

function queryText (query: HttpRequest['query']): string {
  const given = Object.entries(query ?? {}).filter((pair): pair is [string, string] => pair[1] !== undefined)
  return given.length === 0 ? '' : `?${given.map(([name, value]) => `${encodeURIComponent(name)}=${encodeURIComponent(value)}`).join('&')}`
}

/** The JSON of a reply, or `undefined` where it is none. Only fields that are named are ever read, so `__proto__` is one like any other. */
export function parseJson (text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
