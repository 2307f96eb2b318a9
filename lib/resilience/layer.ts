import type { SettlingContext } from '../../types/contract.ts'
import type { ProviderAnswer, ProviderStats, UnknownAnswer } from '../../types/contract.ts'
import type { RedisBudget } from '../util/index.ts'

/** One question to one provider, on its way through the layers. */
export interface ProviderCall {
  readonly ip: string
  readonly write: boolean
  /** Ends the call early; it belongs to the caller. */
  readonly signal?: AbortSignal | undefined
  /** Shortens the provider's own time. */
  readonly timeoutMs?: number | undefined
  /** Milliseconds that a request still waits for the answer. A call that waits for its turn is dropped after that. */
  readonly leftMs?: (() => number) | undefined
  /** Called when the quota had a call for it. */
  readonly admitted?: (() => void) | undefined
  /** Bounds the wait for the fleet's quota. Default: one wait of `redisTimeoutMs`. */
  readonly redisBudget?: RedisBudget | undefined
  /** Part of a bulk: the operator's own question, not a visitor's. */
  readonly bulk?: boolean
  /** What `prepare` of the provider returned. */
  readonly prepared?: unknown
  /** How the provider is asked: its `lookup`, or a deferred lookup. */
  readonly look: (context: SettlingContext) => ProviderAnswer | Promise<ProviderAnswer>
}

/** Never rejects. */
export type CallProvider = (question: ProviderCall) => Promise<ProviderAnswer>
/** A layer of the pipeline around the layers inside it. */
export type Layer = (next: CallProvider) => CallProvider

export interface AskOptions {
  /** Whether a write waits for the answer. */
  readonly write: boolean
  /** Ends the call early. */
  readonly signal?: AbortSignal | undefined
  /** Shortens the provider's own time. */
  readonly timeoutMs?: number | undefined
  /** Milliseconds that a request still waits for the answer. Default: as long as the provider's own time. */
  readonly leftMs?: (() => number) | undefined
  /** Bounds the wait for the fleet's quota. Default: one wait of `redisTimeoutMs`. */
  readonly redisBudget?: RedisBudget | undefined
  /** Of many addresses: whether to wait until the minute's limit allows calls. Default true. */
  readonly wait?: boolean | undefined
}

export interface Pipeline {
  /** Never throws or rejects. Not a promise for a `sync` provider. */
  ask (ip: string, options: AskOptions): ProviderAnswer | Promise<ProviderAnswer>
  /** One row for each address, as they come. Waits until the minute's limit allows calls. */
  askAll (ips: readonly string[], options: AskOptions): AsyncIterable<[string, ProviderAnswer]>
  /** Why its circuit breaker would refuse a call now, or null. A composite does not know. */
  refusal?(): UnknownAnswer | null
  /** Whether its limit on lookups of one /64 is reached. */
  isCrowded?(ip: string): boolean
  stats (): ProviderStats
  /** Ends calls in flight with an answer, and makes no further ones. */
  abort (): void
  close (): Promise<void>
}

/** Bounds the timers; further deferred lookups are dropped. */
const maxWaiting = 1_000

/** A deferred lookup begins. The result is to be called with its answer. */
export type BeginDeferred = (ip: string) => (answer: ProviderAnswer) => void

interface DeferredLookups {
  add (ip: string, delayMs: number, look: ProviderCall['look']): void
  close (): void
}

/**
 * Asks again about an address after a delay, through the same pipeline and from the reads' part of the quota.
 * `begin` is called when it is asked; what that returns gets the answer. One deferred lookup per address at a time.
 */
export function deferredLookups (
  ask: (ip: string, look: ProviderCall['look']) => Promise<ProviderAnswer>,
  begin: BeginDeferred
): DeferredLookups {
  const waiting = new Map<string, NodeJS.Timeout>()
  return {
    add (ip, delayMs, look) {
      if (waiting.has(ip) || waiting.size >= maxWaiting) return
      const timer = setTimeout(async () => {
        waiting.delete(ip)
        const settle = begin(ip)
        settle(await ask(ip, look))
      }, delayMs).unref()
      waiting.set(ip, timer)
    },
    close () {
      for (const timer of waiting.values()) clearTimeout(timer)
      waiting.clear()
    }
  }
}
