import type { LookupContext, Provider, ProviderAnswer } from '../../types/contract.ts'
import { deadline, eachConcurrently } from '../util/index.ts'
import { checkAnswer, kindOf, unknownAnswer } from '../verdict/index.ts'
import { type Health, health } from './health.ts'
import type { AskOptions, Pipeline } from './layer.ts'
import type { PipelineDeps } from './pipeline.ts'

type Deps = Pick<PipelineDeps, 'log' | 'now' | 'ask' | 'askAll'>

const defaultTimeoutMs = 5_000
const singlesUnderWay = 8
const promised = 'a sync provider returned a promise'
const never = new AbortController().signal

/** A combination asks its members behind their own guards, so it has none itself but a limit on its time. */
export function createCompositePipeline (provider: Provider, deps: Deps): Pipeline {
  const sync = createSyncPipeline(provider, deps)
  const state = health(provider, deps.log, deps.now)

  async function ask (ip: string, options: AskOptions): Promise<ProviderAnswer> {
    const time = deadline(Math.min(options.timeoutMs ?? Infinity, provider.timeoutMs ?? defaultTimeoutMs), options.signal)
    const over = new Promise<ProviderAnswer>(resolve => {
      time.signal.addEventListener('abort', () => resolve(unknownAnswer('timeout')), { once: true })
      if (time.signal.aborted) resolve(unknownAnswer('timeout'))
    })
    try {
      const answer = provider.lookup(ip, contextOf(deps, { ...options, signal: time.signal }))
      return checked(state, await Promise.race([answer, over]), options.write)
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
        yield * eachConcurrently(ips, singlesUnderWay, async ip => [[ip, signal.aborted ? unknownAnswer('not_asked') : await ask(ip, { write, signal })]])
        return
      }
      const missing = new Set(ips)
      let failed = unknownAnswer('bad_response', 'no row for this address')
      try {
        for await (const [ip, answer] of provider.bulk(ips, contextOf(deps, { write, signal, wait }))) {
          if (missing.delete(ip)) yield [ip, checked(state, answer, write)]
        }
      } catch (error) {
        failed = signal.aborted ? unknownAnswer('unavailable', kindOf(error)) : state.threw(error)
      }
      for (const ip of missing) yield [ip, failed]
    },
    stats: () => ({ calls: 0, failures: 0, breaker: 'closed' }),
    abort () {}, // its members end
    async close () { await provider.close?.() }
  }
}

/** An embedded provider answers at once: nothing to wait for, nothing to spend, only mistakes to bound. */
export function createSyncPipeline (provider: Provider, deps: Deps): Pipeline {
  const contexts = { read: contextOf(deps, { write: false }), write: contextOf(deps, { write: true }) }
  const state = health(provider, deps.log, deps.now)
  let calls = 0
  let failures = 0

  function ask (ip: string, { write }: AskOptions): ProviderAnswer {
    calls++
    try {
      const answer = provider.lookup(ip, write ? contexts.write : contexts.read)
      if (!(answer instanceof Promise)) return checked(state, answer, write)
      failures++
      answer.catch(() => {})
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
    stats: () => ({ calls, failures, breaker: 'closed' }),
    abort () {},
    async close () { await provider.close?.() }
  }
}

/** What a member said is logged with the member: here only what has no shape. */
function checked (state: Health, given: ProviderAnswer, write: boolean): ProviderAnswer {
  const answer = checkAnswer(given)
  if (answer !== given || answer.verdict !== 'unknown') state.see(answer, { write })
  return answer
}

function contextOf (deps: Deps, { write, signal = never, leftMs, redisBudget, wait = true }: AskOptions): LookupContext {
  return {
    signal,
    write,
    log: deps.log,
    spend: async () => null,
    ask: (member, ip, options) => deps.ask(member, ip, { write, signal, leftMs, redisBudget, ...options }),
    askAll: (member, ips, options) => deps.askAll(member, ips, { write, signal, wait, ...options })
  }
}
