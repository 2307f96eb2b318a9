import { setTimeout as sleep } from 'node:timers/promises'
import type { SettlingContext } from '../../types/contract.ts'
import type { LookupContext, Provider, ProviderAnswer, UnknownAnswer } from '../../types/contract.ts'
import { eachConcurrently, type Observers } from '../util/index.ts'
import { answerCheck, heldCause, kindOf, unknownAnswer } from '../verdict/index.ts'
import type { ProviderCircuit } from './circuit.ts'
import type { Health } from './health.ts'
import type { AskOptions, CallProvider, ProviderCall } from './layer.ts'
import { observedBulk } from './observed.ts'
import type { RetryAfter } from './retry-after.ts'

interface BulkDeps {
  readonly provider: Provider
  readonly windowMs: number
  readonly ask: CallProvider
  readonly spend: (write: boolean) => Promise<UnknownAnswer | null>
  readonly context: (question: ProviderCall, signal: AbortSignal, spend: LookupContext['spend']) => SettlingContext
  readonly circuit: ProviderCircuit
  readonly pause: RetryAfter
  readonly state: Health
  readonly observers: Pick<Observers, 'providerBulk'> | undefined
}

/** Lookups in flight at once for a provider without a `bulk` of its own. */
const concurrentSingles = 8
/** Between two attempts to get a call from the quota. */
const leastWaitMs = 50

type Rows = AsyncGenerator<[string, ProviderAnswer], void>
type EndingOptions = AskOptions & { readonly signal: AbortSignal }

const cancelled = unknownAnswer('not_asked', 'cancelled')

/** Many addresses: by the provider's own `bulk` if it has one, else one lookup for each. */
export function bulkPipeline (
  deps: BulkDeps
): { askAll (ips: readonly string[], options: AskOptions): Rows, close (): void } {
  const { provider, circuit, pause, state } = deps
  const check = answerCheck(provider)
  const running = new Set<AbortController>()

  /** Retries while the quota may allow a call within the window. A spent day is not retried. */
  async function withRoom<T extends ProviderAnswer | null> (
    ask: () => Promise<T>, { signal, wait = true }: EndingOptions
  ): Promise<T | UnknownAnswer> {
    for (;;) {
      if (signal.aborted) return cancelled
      const answer = await ask()
      const waitMs = answer?.verdict === 'unknown' && mayPass(answer) ? answer.retryAfterSeconds! * 1000 : Infinity
      if (!wait || waitMs > deps.windowMs) return answer
      // Ended early by the signal, which the next turn checks.
      await sleep(Math.max(waitMs, leastWaitMs), undefined, { signal }).catch(() => {})
    }
  }

  function singles (ips: readonly string[], options: EndingOptions): Rows {
    const { write, signal } = options
    return eachConcurrently(ips, Math.min(concurrentSingles, provider.maxConcurrent ?? concurrentSingles), async ip => {
      const look: ProviderCall['look'] = context => provider.lookup(ip, context)
      return [[ip, await withRoom(() => deps.ask({ ip, write, signal, bulk: true, look }), options)]]
    })
  }

  async function * together (ips: readonly string[], options: EndingOptions): Rows {
    const { write, signal } = options
    const missing = new Set(ips)
    // The probe is admitted just before its call: while it waited for the quota, all others would be refused.
    const spend = async (): Promise<UnknownAnswer | null> =>
      circuit.refusal() ?? await withRoom(() => deps.spend(write), options) ?? circuit.admit(options)
    const context = deps.context({ ip: '', write, signal, bulk: true, look: () => cancelled }, signal, spend)
    // A failed chunk gives all its rows one and the same answer: it counts once.
    const counted = new WeakSet<ProviderAnswer>()
    let failed: ProviderAnswer = unknownAnswer('bad_response', 'no row for this address')
    const observed = observedBulk(provider, deps.observers, { write, addresses: ips.length }, signal)
    try {
      for await (const [ip, row] of provider.bulk!(ips, context)) {
        if (!missing.delete(ip)) continue
        const answer = check(row)
        if (!counted.has(answer)) {
          counted.add(answer)
          circuit.record(answer, options)
          pause.see(answer)
          state.see(answer, { write, bulk: true })
        }
        observed?.row(answer)
        yield [ip, answer]
        observed?.taken()
      }
      observed?.missing(missing.size, failed)
    } catch (error) {
      const cause = signal.aborted ? unknownAnswer('unavailable', kindOf(error)) : state.threw(error)
      failed = cause
      if (!signal.aborted) {
        circuit.record(failed, options)
        observed?.missing(missing.size, failed)
        observed?.threw(cause.reason)
      }
    } finally {
      circuit.settle(options)
      observed?.end()
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

/** Whether this refusal is of our own quota or pause, and ends by itself. */
function mayPass (answer: UnknownAnswer): boolean {
  const ours = answer.reason === 'quota_exhausted' || (answer.reason === 'rate_limited' && answer.cause === heldCause)
  return ours && answer.retryAfterSeconds !== undefined
}
