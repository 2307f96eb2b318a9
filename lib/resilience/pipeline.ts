import type {
  IpRiskLogger, LookupContext, Provider, ProviderAnswer, Remaining, SettlingContext, UnknownAnswer, UnknownReason
} from '../../types/contract.ts'
import { type Charge, type Quota, withCharges } from '../rate-limit/index.ts'
import { type Deadline, deadline, type Observers, type RedisBudget } from '../util/index.ts'
import { answerCheck, unknownAnswer, withoutAddress } from '../verdict/index.ts'
import { bulkPipeline } from './bulk.ts'
import { bulkhead, burstQueue, onlyFamilies, subnetBound } from './bulkhead.ts'
import { closingCause, providerCircuit } from './circuit.ts'
import { diagnosis, health } from './health.ts'
import {
  type BeginDeferred, type CallProvider, deferredLookups, type Layer, type Pipeline, type ProviderCall
} from './layer.ts'
import { limitStats } from './provider-stats.ts'
import { observedCalls } from './observed.ts'
import type { RetryAfter } from './retry-after.ts'

/** The quota and the retry-after pause that the providers of one account share. */
export interface Account {
  readonly quota: Quota
  readonly pause: RetryAfter
  /** What the service says is left. */
  readonly reported: (left: Remaining) => void
}

interface PipelineDeps {
  readonly now: () => number
  readonly log: IpRiskLogger
  /** How long a 429 without Retry-After pauses, and how long a bulk waits for the quota. */
  readonly windowMs: number
  readonly account: Account
  /** What a call costs, in the budgets of the composites around it. */
  readonly charges: readonly Charge[]
  /** Called when a deferred lookup begins. Without it there are none. */
  readonly settled: BeginDeferred | undefined
  readonly observers?: Pick<Observers, 'providerCall' | 'providerBulk'> | undefined
}

const defaultTimeoutMs = 5_000
const defaultConcurrent = 50
const closing = unknownAnswer('unavailable', closingCause)

/** The resilience pipeline of one provider that is called over the network, or may take its time. */
export function createPipeline (provider: Provider, deps: PipelineDeps): Pipeline {
  const { now, log, charges, account: { pause, reported } } = deps
  const quota = withCharges(deps.account.quota, charges)
  const { name, timeoutMs = defaultTimeoutMs, maxConcurrent = defaultConcurrent, families = [4, 6] } = provider
  const check = answerCheck(provider)
  const state = health(provider, log, now)
  const inFlight = new Set<Deadline>()
  let closed = false
  let calls = 0
  let succeeded = 0
  const errors: { [R in UnknownReason]?: number } = {}

  const circuit = providerCircuit({
    now,
    onChange (failure) {
      if (failure === null) {
        log.info({ code: 'IP_RISK_PROVIDER_CIRCUIT_CLOSED', provider: name }, 'the provider works again')
        return
      }
      const { cause, fix } = diagnosis(failure)
      log.warn({ code: 'IP_RISK_PROVIDER_CIRCUIT_OPEN', provider: name, reason: failure.reason, cause },
        `the provider keeps failing, so the circuit breaker is open and probes it every ten seconds: ${fix}`)
    }
  })
  const deferred = deferredLookups((ip, look) => ask({ ip, write: false, look }),
    ip => deps.settled?.(ip) ?? (() => {}))

  async function spend (write: boolean, redisBudget?: RedisBudget): Promise<UnknownAnswer | null> {
    const refused = pause.check() ?? await quota.take(write, redisBudget)
    if (refused === null) calls++
    return refused
  }

  function context (question: ProviderCall, signal: AbortSignal, spend: LookupContext['spend']): SettlingContext {
    const { ip, write } = question
    return {
      signal,
      write,
      log,
      spend,
      prepared: question.prepared,
      remaining: reported,
      ...deps.settled !== undefined && question.bulk !== true && {
        later: (delayMs, look) => deferred.add(ip, delayMs, look)
      }
    }
  }

  /**
   * Runs the provider's own code within its time, whether or not it observes the signal, and checks an answer that it
   * gives. Never rejects.
   */
  async function inTime<T> (
    question: ProviderCall, run: (signal: AbortSignal) => T | Promise<T>
  ): Promise<T | UnknownAnswer> {
    const time = deadline(Math.min(question.timeoutMs ?? Infinity, timeoutMs), question.signal)
    const over = new Promise<UnknownAnswer>(resolve => {
      const end = (): void => resolve(closed ? closing : unknownAnswer('timeout'))
      if (time.signal.aborted) end()
      else time.signal.addEventListener('abort', end, { once: true })
    })
    inFlight.add(time)
    try {
      return await Promise.race([run(time.signal), over])
    } catch (error) {
      return closed ? closing : state.threw(error)
    } finally {
      time.clear()
      inFlight.delete(time)
    }
  }

  /** Counts an answer, and obeys it where it orders a pause. */
  function seen (answer: ProviderAnswer): ProviderAnswer {
    if (closed) return closing // the provider did not fail
    if (isFailed(answer)) errors[answer.reason] = (errors[answer.reason] ?? 0) + 1
    pause.see(answer)
    return answer
  }

  const call: CallProvider = async question => {
    if (closed) return closing
    let repeated = 0
    const spendAgain = async (): Promise<UnknownAnswer | null> => {
      const refused = await spend(question.write, question.redisBudget)
      if (refused === null) repeated++
      return refused
    }
    const answer = seen(await inTime(question, async signal =>
      withoutAddress(check(await question.look(context(question, signal, spendAgain))), question.ip)))
    succeeded += isFailed(answer) ? repeated : repeated + 1
    return answer
  }

  /** Refuses everything once the application closes. */
  const untilClosed: Layer = next => async question => closed ? closing : await next(question)
  /** Refuses at once what the quota is known not to allow. */
  const withinQuota: Layer = next => async question => quota.refusal(question.write) ?? await next(question)
  /** Gets what the call needs, such as a key: without it there is no call, so nothing is charged. */
  const prepared: Layer = next => async question => {
    if (provider.prepare === undefined) return await next(question)
    const begun = now()
    const value = await inTime(question, async signal => {
      const value = await provider.prepare!(signal)
      return isUnknown(value) ? withoutAddress(check(value), question.ip) : value
    })
    if (isUnknown(value)) return seen(value)
    const leftMs = Math.min(question.timeoutMs ?? Infinity, timeoutMs) - (now() - begun)
    return await next({ ...question, prepared: value, timeoutMs: Math.max(1, leftMs) })
  }
  /** Takes the call out of the quota. */
  const spending: Layer = next => async question => {
    const refused = await spend(question.write, question.redisBudget)
    if (refused !== null) return refused
    question.admitted?.()
    return await next(question)
  }
  const subnets = subnetBound(now)
  const queue = burstQueue({ maxWaiting: maxConcurrent, longestMs: timeoutMs, now })

  // Outermost first. A lookup that waits for the next second waits outside of all that is limited. Layers that know
  // their refusal without a call come before those that cost one. The quota is charged last, so that no refused lookup
  // is charged.
  const layers: readonly Layer[] = [
    state.layer,
    onlyFamilies(families),
    untilClosed,
    queue.layer,
    pause.layer,
    withinQuota,
    circuit.layer,
    bulkhead(maxConcurrent),
    subnets.layer,
    prepared,
    spending,
    observedCalls(provider, deps.observers)
  ]
  const ask = layers.reduceRight<CallProvider>((next, layer) => layer(next), call)

  /** Failures of rows of a bulk are not counted, so neither are those of its calls. */
  async function spendInBulk (write: boolean): Promise<UnknownAnswer | null> {
    const refused = await spend(write)
    if (refused === null) succeeded++
    return refused
  }

  const bulk = bulkPipeline({
    provider,
    windowMs: deps.windowMs,
    ask,
    spend: spendInBulk,
    context,
    circuit,
    pause,
    state,
    observers: deps.observers
  })

  return {
    ask: (ip, options) => ask({ ip, ...options, look: context => provider.lookup(ip, context) }),
    askAll: bulk.askAll,
    refusal: circuit.refusal,
    isCrowded: subnets.isFull,
    stats: () => ({
      calls,
      succeeded,
      failures: Object.values(errors).reduce((sum, count) => sum + count, 0),
      errors: { ...errors },
      active: inFlight.size,
      pausedSeconds: Math.ceil(pause.check()?.retryAfterSeconds ?? 0),
      breaker: circuit.state,
      ...quota.left(),
      ...limitStats(provider.limits),
      ...provider.costPerCall !== undefined && { cost: calls * provider.costPerCall }
    }),
    abort () {
      closed = true
      for (const time of inFlight) time.abort()
      deferred.close()
      queue.close()
      bulk.close()
    },
    async close () {
      this.abort()
      await provider.close?.()
    }
  }
}

function isFailed (answer: ProviderAnswer): answer is UnknownAnswer {
  return answer.verdict === 'unknown' && answer.reason !== 'no_data'
}

function isUnknown (value: unknown): value is UnknownAnswer {
  return typeof value === 'object' && value !== null && (value as Partial<UnknownAnswer>).verdict === 'unknown'
}
