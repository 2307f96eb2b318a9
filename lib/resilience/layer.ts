import type { LookupContext, ProviderAnswer, ProviderStats } from '../../types/contract.ts'
import type { RedisBudget } from '../util/index.ts'

/** One question to one provider, on its way through the layers. */
export interface ProviderCall {
  readonly ip: string
  readonly write: boolean
  /** Ends the call early; it belongs to whoever asks. */
  readonly signal?: AbortSignal | undefined
  /** Shortens the provider's own time. */
  readonly timeoutMs?: number | undefined
  /** Milliseconds that somebody still waits for the answer: a question that has to wait for its turn is dropped after it. */
  readonly leftMs?: (() => number) | undefined
  /** Called when the budget had a call for it. */
  readonly admitted?: (() => void) | undefined
  /** Bounds the wait for the fleet's quota. Default: one wait of `redisTimeoutMs`. */
  readonly redisBudget?: RedisBudget | undefined
  /** Part of a bulk: the operator's own question, no visitor's. */
  readonly bulk?: boolean
  /** How the provider is asked: its `lookup`, or a second look. */
  readonly look: (context: LookupContext) => ProviderAnswer | Promise<ProviderAnswer>
}

/** Never rejects. */
export type CallProvider = (question: ProviderCall) => Promise<ProviderAnswer>
/** A layer around a provider: an `Ask` around an `Ask`. */
export type Layer = (next: CallProvider) => CallProvider

export interface AskOptions {
  /** Somebody waits for it on a write. */
  readonly write: boolean
  /** Ends the call early. */
  readonly signal?: AbortSignal | undefined
  /** Shortens the provider's own time. */
  readonly timeoutMs?: number | undefined
  /** Milliseconds that somebody still waits for the answer. Default: as long as the provider's own time. */
  readonly leftMs?: (() => number) | undefined
  /** Bounds the wait for the fleet's quota. Default: one wait of `redisTimeoutMs`. */
  readonly redisBudget?: RedisBudget | undefined
  /** Of many addresses: whether to wait for room in the minute's budget. Default true. */
  readonly wait?: boolean | undefined
}

export interface Pipeline {
  /** Never throws or rejects; of a `sync` provider no promise. */
  ask (ip: string, options: AskOptions): ProviderAnswer | Promise<ProviderAnswer>
  /** One row for each address, as they come. Waits for room in the minute's budget. */
  askAll (ips: readonly string[], options: AskOptions): AsyncIterable<[string, ProviderAnswer]>
  /** Whether its bound on lookups of one /64 is reached. */
  isCrowded?(ip: string): boolean
  stats (): ProviderStats
  /** Ends calls in flight with an answer, and makes none any more. */
  abort (): void
  close (): Promise<void>
}

/** More waiting second looks than this are not worth their memory. */
const maxWaiting = 1_000

export interface DeferredLookups {
  add (ip: string, delayMs: number, look: ProviderCall['look']): void
  close (): void
}

/**
 * Asks once more about an address after a while, behind the same guards and from the reads' part of the budget, so that writes keep theirs.
 * `settled` gets what came of it.
 */
export function deferredLookups (
  ask: (ip: string, look: ProviderCall['look']) => Promise<ProviderAnswer>, settled: (ip: string, answer: ProviderAnswer) => void
): DeferredLookups {
  const waiting = new Map<string, NodeJS.Timeout>()
  return {
    add (ip, delayMs, look) {
      if (waiting.has(ip) || waiting.size >= maxWaiting) return
      const timer = setTimeout(async () => {
        waiting.delete(ip)
        settled(ip, await ask(ip, look))
      }, delayMs).unref()
      waiting.set(ip, timer)
    },
    close () {
      for (const timer of waiting.values()) clearTimeout(timer)
      waiting.clear()
    }
  }
}
