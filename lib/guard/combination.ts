import type { LookupContext, Provider, ProviderAnswer } from '../../types/contract.ts'
import { eachConcurrently } from '../concurrently.ts'
import { deadline } from '../deadline.ts'
import { unknownAnswer } from '../verdict/answers.ts'
import { checkAnswer, kindOf } from './check-answer.ts'
import type { AskOptions, Guarded, LeafDeps } from './leaf.ts'

type Deps = Pick<LeafDeps, 'log' | 'ask' | 'askAll'>

const defaultTimeoutMs = 5_000
const singlesUnderWay = 8
const never = new AbortController().signal

/** A combination asks its members behind their own guards, so it has none itself but a limit on its time. */
export function guardCombination (provider: Provider, deps: Deps): Guarded {
  const sync = guardSync(provider, deps)

  async function ask (ip: string, options: AskOptions): Promise<ProviderAnswer> {
    const time = deadline(Math.min(options.timeoutMs ?? Infinity, provider.timeoutMs ?? defaultTimeoutMs), options.signal)
    const over = new Promise<ProviderAnswer>(resolve => {
      time.signal.addEventListener('abort', () => resolve(unknownAnswer('timeout')), { once: true })
      if (time.signal.aborted) resolve(unknownAnswer('timeout'))
    })
    try {
      return checkAnswer(await Promise.race([provider.lookup(ip, contextOf(deps, { ...options, signal: time.signal })), over]))
    } catch (error) {
      return unknownAnswer('unavailable', kindOf(error))
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
          if (missing.delete(ip)) yield [ip, checkAnswer(answer)]
        }
      } catch (error) {
        failed = unknownAnswer('unavailable', kindOf(error))
      }
      for (const ip of missing) yield [ip, failed]
    },
    stats: () => ({ calls: 0, failures: 0, breaker: 'closed' }),
    async close () { await provider.close?.() }
  }
}

/** An embedded provider answers at once: nothing to wait for, nothing to spend, only mistakes to bound. */
export function guardSync (provider: Provider, deps: Deps): Guarded {
  const contexts = { read: contextOf(deps, { write: false }), write: contextOf(deps, { write: true }) }
  let calls = 0
  let failures = 0

  function ask (ip: string, { write }: AskOptions): ProviderAnswer {
    calls++
    try {
      const answer = provider.lookup(ip, write ? contexts.write : contexts.read)
      if (!(answer instanceof Promise)) return checkAnswer(answer)
      failures++
      answer.catch(() => {})
      return unknownAnswer('unavailable', 'a sync provider returned a promise')
    } catch (error) {
      failures++
      return unknownAnswer('unavailable', kindOf(error))
    }
  }

  return {
    ask,
    async * askAll (ips, options) {
      for (const ip of ips) yield [ip, ask(ip, options)]
    },
    stats: () => ({ calls, failures, breaker: 'closed' }),
    async close () { await provider.close?.() }
  }
}

function contextOf (deps: Deps, { write, signal = never, leftMs, wait = true }: AskOptions): LookupContext {
  return {
    signal,
    write,
    log: deps.log,
    spend: async () => null,
    ask: (member, ip, options) => deps.ask(member, ip, { write, signal, leftMs, ...options }),
    askAll: (member, ips, options) => deps.askAll(member, ips, { write, signal, wait, ...options })
  }
}
