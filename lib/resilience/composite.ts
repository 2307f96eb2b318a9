import type { CompositeContext } from '../../types/contract.ts'
import type { IpRiskLogger, Provider, ProviderAnswer } from '../../types/contract.ts'
import { deadline, eachConcurrently } from '../util/index.ts'
import { answerCheck, kindOf, unknownAnswer } from '../verdict/index.ts'
import { type Health, health } from './health.ts'
import type { AskOptions, Pipeline } from './layer.ts'

export interface CompositeDeps {
  readonly now: () => number
  readonly log: IpRiskLogger
  /** Asks a member by its own pipeline. */
  readonly ask: (member: Provider, ip: string, options: AskOptions) => ProviderAnswer | Promise<ProviderAnswer>
  readonly askAll: (
    member: Provider, ips: readonly string[], options: AskOptions
  ) => AsyncIterable<[string, ProviderAnswer]>
}

const defaultTimeoutMs = 5_000
const concurrentSingles = 8
const promised = 'a sync provider returned a promise'
const never = new AbortController().signal

/** Each member of a composite has its own pipeline, so the composite's own has only a limit on its time. */
export function createCompositePipeline (provider: Provider, deps: CompositeDeps): Pipeline {
  const sync = createSyncPipeline(provider, deps)
  const state = health(provider, deps.log, deps.now)
  const checked = observed(provider, state)

  async function ask (ip: string, options: AskOptions): Promise<ProviderAnswer> {
    const { timeoutMs = defaultTimeoutMs } = provider
    const time = deadline(Math.min(options.timeoutMs ?? Infinity, timeoutMs), options.signal)
    const over = new Promise<ProviderAnswer>(resolve => {
      time.signal.addEventListener('abort', () => resolve(unknownAnswer('timeout')), { once: true })
      if (time.signal.aborted) resolve(unknownAnswer('timeout'))
    })
    try {
      const answer = provider.lookup(ip, contextOf(deps, { ...options, signal: time.signal }))
      return checked(await Promise.race([answer, over]), options.write)
    } catch (error) {
      return state.threw(error)
    } finally {
      time.clear()
    }
  }

  return {
    ask: provider.sync === true ? sync.ask : ask,
    async * askAll (ips, { write, signal = never, wait }) {
      if (provider.bulk === undefined) {
        yield * eachConcurrently(ips, concurrentSingles, async ip =>
          [[ip, signal.aborted ? unknownAnswer('not_asked') : await ask(ip, { write, signal })]])
        return
      }
      const missing = new Set(ips)
      let failed = unknownAnswer('bad_response', 'no row for this address')
      try {
        for await (const [ip, answer] of provider.bulk(ips, contextOf(deps, { write, signal, wait }))) {
          if (missing.delete(ip)) yield [ip, checked(answer, write)]
        }
      } catch (error) {
        failed = signal.aborted ? unknownAnswer('unavailable', kindOf(error)) : state.threw(error)
      }
      for (const ip of missing) yield [ip, failed]
    },
    stats: () => ({ calls: 0, succeeded: 0, failures: 0, errors: {}, active: 0, pausedSeconds: 0, breaker: 'closed' }),
    abort () {}, // its members end
    async close () { await provider.close?.() }
  }
}

/** An embedded provider answers at once: no wait and no quota, only checks of what it returns. */
export function createSyncPipeline (provider: Provider, deps: CompositeDeps): Pipeline {
  const contexts = { read: contextOf(deps, { write: false }), write: contextOf(deps, { write: true }) }
  const state = health(provider, deps.log, deps.now)
  const checked = observed(provider, state)
  let calls = 0
  let failures = 0

  function ask (ip: string, { write }: AskOptions): ProviderAnswer {
    calls++
    try {
      const answer = provider.lookup(ip, write ? contexts.write : contexts.read)
      if (!(answer instanceof Promise)) return checked(answer, write)
      failures++
      answer.catch(() => {}) // its outcome is not used
      state.see(unknownAnswer('bad_response', promised), { write })
      return unknownAnswer('unavailable', promised)
    } catch (error) {
      failures++
      return state.threw(error)
    }
  }

  return {
    ask,
    async * askAll (ips, options) {
      for (const ip of ips) yield [ip, ask(ip, options)]
    },
    stats: () => ({
      calls,
      succeeded: calls - failures,
      failures,
      errors: failures === 0 ? {} : { unavailable: failures },
      active: 0,
      pausedSeconds: 0,
      breaker: 'closed'
    }),
    abort () {},
    async close () { await provider.close?.() }
  }
}

/** Checks an answer. An `unknown` of a member is logged with the member, so here only what has no shape. */
function observed (provider: Provider, state: Health): (given: ProviderAnswer, write: boolean) => ProviderAnswer {
  const check = answerCheck(provider)
  return (given, write) => {
    const answer = check(given)
    if (answer !== given || answer.verdict !== 'unknown') state.see(answer, { write })
    return answer
  }
}

function contextOf (
  deps: CompositeDeps, { write, signal = never, leftMs, redisBudget, wait = true }: AskOptions
): CompositeContext {
  return {
    signal,
    write,
    log: deps.log,
    spend: async () => null,
    ask: (member, ip, { background, ...options } = {}) => background === true
      ? deps.ask(member, ip, { write: false, ...options })
      : deps.ask(member, ip, { write, signal, leftMs, redisBudget, ...options }),
    askAll: (member, ips, options) => deps.askAll(member, ips, { write, signal, wait, ...options })
  }
}
