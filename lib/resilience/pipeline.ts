import type {
  IpRiskLogger, LookupContext, Provider, ProviderAnswer, UnknownAnswer
} from '../../types/contract.ts'
import type { Quota } from '../rate-limit/index.ts'
import { type Deadline, deadline, type RedisBudget } from '../util/index.ts'
import { checkAnswer, unknownAnswer, withoutAddress } from '../verdict/index.ts'
import { bulkPipeline } from './bulk.ts'
import { bulkhead, burstQueue, onlyFamilies, subnetBound } from './bulkhead.ts'
import { breaker, closingCause } from './circuit.ts'
import { diagnosis, health } from './health.ts'
import { type AskOptions, type CallProvider, deferredLookups, type Layer, type Pipeline, type ProviderCall } from './layer.ts'
import type { RetryAfter } from './retry-after.ts'

/** What may be spent, and whether anything may be asked at all just now: shared by the providers of one account. */
export interface Budget { readonly quota: Quota, readonly pause: RetryAfter }

export interface PipelineDeps {
  readonly now: () => number
  readonly log: IpRiskLogger
  /** A 429 without Retry-After holds so long; a bulk waits so long for room. */
  readonly windowMs: number
  readonly budget: Budget
  /** For combinations that ask others. */
  readonly ask: (member: Provider, ip: string, options: AskOptions) => ProviderAnswer | Promise<ProviderAnswer>
  readonly askAll: (member: Provider, ips: readonly string[], options: AskOptions) => AsyncIterable<[string, ProviderAnswer]>
  readonly settled: ((ip: string, answer: ProviderAnswer) => void) | undefined
}

const defaultTimeoutMs = 5_000
const defaultConcurrent = 50
/** While the application closes. */
const closing = unknownAnswer('unavailable', closingCause)

/** One provider that is asked over the network (or may take its time), behind all its guards. */
export function createPipeline (provider: Provider, deps: PipelineDeps): Pipeline {
  const { now, log, budget: { quota, pause } } = deps
  const { name } = provider
  const timeoutMs = provider.timeoutMs ?? defaultTimeoutMs
  const state = health(provider, log, now)
  const inFlight = new Set<Deadline>()
  let closed = false
  let calls = 0
  let failures = 0

  const circuit = breaker({
    now,
    onChange (failure) {
      if (failure === null) return log.info({ code: 'IP_RISK_PROVIDER_CIRCUIT_CLOSED', provider: name }, 'the provider works again')
      const { cause, fix } = diagnosis(failure)
      log.warn({ code: 'IP_RISK_PROVIDER_CIRCUIT_OPEN', provider: name, reason: failure.reason, cause },
        `the provider keeps failing, so it is left alone and probed every ten seconds: ${fix}`)
    }
  })
  const looks = deferredLookups((ip, look) => ask({ ip, write: false, look }), (ip, answer) => deps.settled?.(ip, answer))

  async function spend (write: boolean, redisBudget?: RedisBudget): Promise<UnknownAnswer | null> {
    const refused = pause.check() ?? await quota.take(write, redisBudget)
    if (refused === null) calls++
    return refused
  }

  function context (question: ProviderCall, signal: AbortSignal, spend: LookupContext['spend']): LookupContext {
    const { ip, write, leftMs, redisBudget } = question
    return {
      signal,
      write,
      log,
      spend,
      ask: (member, ip, options) => deps.ask(member, ip, { write, signal, leftMs, redisBudget, ...options }),
      askAll: (member, ips, options) => deps.askAll(member, ips, { write, signal, ...options }),
      ...deps.settled !== undefined && question.bulk !== true && { later: (delayMs, look) => looks.add(ip, delayMs, look) }
    }
  }

  /** Innermost: the provider itself, for no longer than its time, whether or not it minds the signal. */
  const call: CallProvider = async question => {
    if (closed) return closing
    const time = deadline(Math.min(question.timeoutMs ?? Infinity, timeoutMs), question.signal)
    const over = new Promise<ProviderAnswer>(resolve => {
      const end = (): void => resolve(closed ? closing : unknownAnswer('timeout'))
      if (time.signal.aborted) end()
      else time.signal.addEventListener('abort', end, { once: true })
    })
    inFlight.add(time)
    let answer: ProviderAnswer
    try {
      const spendAgain = async (): Promise<UnknownAnswer | null> => await spend(question.write, question.redisBudget)
      const looked = question.look(context(question, time.signal, spendAgain))
      answer = withoutAddress(checkAnswer(await Promise.race([looked, over])), question.ip)
    } catch (error) {
      answer = closed ? closing : state.threw(error)
    } finally {
      time.clear()
      inFlight.delete(time)
    }
    if (closed) return closing // the provider did not fail
    if (answer.verdict === 'unknown' && answer.reason !== 'no_data') failures++
    pause.see(answer)
    return answer
  }

  /** Nobody is asked any more, and what is asked now ends. */
  const open: Layer = next => async question => closed ? closing : await next(question)
  /** A budget that is known to be spent refuses at once. */
  const solvent: Layer = next => async question => quota.refusal(question.write) ?? await next(question)
  /** The provider is asked only if the budget has a call left. */
  const spending: Layer = next => async question => {
    const refused = await spend(question.write, question.redisBudget)
    if (refused !== null) return refused
    question.admitted?.()
    return await next(question)
  }
  const subnets = subnetBound(now)
  const queue = burstQueue({ maxWaiting: provider.maxConcurrent ?? defaultConcurrent, longestMs: timeoutMs, now })

  // Outermost first. Whoever waits for the next second waits in front of all the rest, and holds nothing. What is free comes before what
  // costs: a pause, a spent budget and an open breaker are known here; a full house and a flood from one subnet must not reach the budget;
  // a call is taken out of it last, so that no refused question uses it up.
  const ask = [
    state.layer,
    ...provider.families === undefined ? [] : [onlyFamilies(provider.families)],
    open,
    queue.layer,
    pause.layer,
    solvent,
    circuit.layer,
    bulkhead(provider.maxConcurrent ?? defaultConcurrent),
    subnets.layer,
    spending
  ].reduceRight<CallProvider>((next, layer) => layer(next), call)

  const bulk = bulkPipeline({ provider, windowMs: deps.windowMs, ask, spend, context, circuit, pause, state })

  return {
    ask: (ip, options) => ask({ ip, ...options, look: context => provider.lookup(ip, context) }),
    askAll: bulk.askAll,
    isCrowded: subnets.isFull,
    stats: () => ({ calls, failures, breaker: circuit.state(), ...quota.left() }),
    abort () {
      closed = true
      for (const time of inFlight) time.abort()
      looks.close()
      queue.close()
      bulk.close()
    },
    async close () {
      this.abort()
      await provider.close?.()
    }
  }
}
