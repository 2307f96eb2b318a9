import { setTimeout as sleep } from 'node:timers/promises'
import type { LookupContext, Provider, ProviderAnswer, UnknownAnswer } from '../../types/contract.ts'
import { eachConcurrently } from '../util/index.ts'
import { checkAnswer, heldCause, kindOf, unknownAnswer } from '../verdict/index.ts'
import type { Breaker } from './circuit.ts'
import type { Health } from './health.ts'
import type { AskOptions, CallProvider, ProviderCall } from './layer.ts'
import type { RetryAfter } from './retry-after.ts'

export interface BulkDeps {
  readonly provider: Provider
  readonly windowMs: number
  readonly ask: CallProvider
  readonly spend: (write: boolean) => Promise<UnknownAnswer | null>
  readonly context: (question: ProviderCall, signal: AbortSignal, spend: LookupContext['spend']) => LookupContext
  readonly circuit: Breaker
  readonly pause: RetryAfter
  readonly state: Health
}

/** Addresses asked about at once where a provider takes one at a time. */
const singlesUnderWay = 8
/** Between two tries for room in the budget. */
const leastWaitMs = 50

type Rows = AsyncGenerator<[string, ProviderAnswer], void>
type EndingOptions = AskOptions & { readonly signal: AbortSignal }

const cancelled = unknownAnswer('not_asked', 'cancelled')

/** Many addresses: by the provider's own bulk where it has one, else one by one. */
export function bulkPipeline (deps: BulkDeps): { askAll (ips: readonly string[], options: AskOptions): Rows, close (): void } {
  const { provider, circuit, pause, state } = deps
  const running = new Set<AbortController>()

  /** Asks again as long as the budget says that there may be room within the window; a spent day is no such thing. */
  async function withRoom<T extends ProviderAnswer | null> (
    ask: () => Promise<T>, { signal, wait = true }: EndingOptions
  ): Promise<T | UnknownAnswer> {
    for (;;) {
      if (signal.aborted) return cancelled
      const answer = await ask()
      const waitMs = answer?.verdict === 'unknown' && mayPass(answer) ? answer.retryAfterSeconds! * 1000 : Infinity
      if (!wait || waitMs > deps.windowMs) return answer
      // Ended early by the signal, which the next turn sees.
      await sleep(Math.max(waitMs, leastWaitMs), undefined, { signal }).catch(() => {})
    }
  }

  function singles (ips: readonly string[], options: EndingOptions): Rows {
    const { write, signal } = options
    return eachConcurrently(ips, Math.min(singlesUnderWay, provider.maxConcurrent ?? singlesUnderWay), async ip => {
      const question: ProviderCall = { ip, write, signal, bulk: true, look: context => provider.lookup(ip, context) }
      return [[ip, await withRoom(() => deps.ask(question), options)]]
    })
  }

  async function * together (ips: readonly string[], options: EndingOptions): Rows {
    const { write, signal } = options
    const missing = new Set(ips)
    // Whoever waits for room must not be the one that all others wait for: a probe begins with its call.
    const spend = async (): Promise<UnknownAnswer | null> =>
      circuit.refusal() ?? await withRoom(() => deps.spend(write), options) ?? circuit.admit(options)
    const context = deps.context({ ip: '', write, signal, bulk: true, look: () => cancelled }, signal, spend)
    // A failed chunk gives all its rows one and the same answer: it counts once.
    const counted = new WeakSet<ProviderAnswer>()
    let failed: ProviderAnswer = unknownAnswer('bad_response', 'no row for this address')
    try {
      for await (const [ip, row] of provider.bulk!(ips, context)) {
        if (!missing.delete(ip)) continue
        const answer = checkAnswer(row)
        if (!counted.has(answer)) {
          counted.add(answer)
          circuit.record(answer, options)
          pause.see(answer)
          state.see(answer, { write, bulk: true })
        }
        yield [ip, answer]
      }
    } catch (error) {
      failed = signal.aborted ? unknownAnswer('unavailable', kindOf(error)) : state.threw(error)
      if (!signal.aborted) circuit.record(failed, options)
    } finally {
      circuit.settle(options)
    }
    for (const ip of missing) yield [ip, failed]
  }

  return {
    async * askAll (ips, options) {
      const ended = new AbortController()
      const end = (): void => ended.abort()
      options.signal?.addEventListener('abort', end, { once: true })
      if (options.signal?.aborted === true) end()
      running.add(ended)
      try {
        const all = { ...options, signal: ended.signal }
        yield * provider.bulk === undefined ? singles(ips, all) : together(ips, all)
      } finally {
        end()
        running.delete(ended)
        options.signal?.removeEventListener('abort', end)
      }
    },
    close () {
      for (const ended of running) ended.abort()
    }
  }
}

function mayPass (answer: UnknownAnswer): boolean {
  const ours = answer.reason === 'quota_exhausted' || (answer.reason === 'rate_limited' && answer.cause === heldCause)
  return ours && answer.retryAfterSeconds !== undefined
}
