import type { LookupContext, ProviderAnswer } from '../../types/contract.ts'
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
