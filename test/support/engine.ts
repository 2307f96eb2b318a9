import { createEngine, type Engine } from '../../lib/core/engine.ts'
import { readNetwork } from '../../lib/policy/index.ts'
import type { LookupCall } from '../../lib/cache/lookup.ts'
import type { LookupResult } from '../../lib/verdict/verdict.ts'
import type { CacheOptions, EngineOptions, LookupMode, Provider } from '../../types/contract.ts'
import { memoryLog, type MemoryLog } from './log.ts'

export interface TestEngine {
  readonly engine: Engine
  readonly log: MemoryLog
  /** Moves the clock of this engine; the one of Redis goes its own way. */
  wait (seconds: number): void
  ask (ip: string, mode?: LookupMode, more?: Partial<LookupCall>): Promise<LookupResult>
}

export interface TestEngineOptions {
  readonly provider: Provider
  readonly redis?: EngineOptions['redis'] | undefined
  readonly cache?: CacheOptions
}

/** An engine on a clock of its own, closed with the test. */
export async function testEngine (
  t: { teardown (close: () => unknown): unknown }, { provider, redis, cache = {} }: TestEngineOptions
): Promise<TestEngine> {
  let aheadMs = 0
  const log = memoryLog()
  // A test machine may be slow; how long Redis may take is the matter of other tests.
  const options: EngineOptions = { provider, cache: { redisTimeoutMs: 2000, ...cache }, ...redis !== undefined && { redis } }
  const engine = createEngine(options, log, () => Date.now() + aheadMs)
  t.teardown(() => engine.close())
  await engine.ready()
  return {
    engine,
    log,
    wait: seconds => { aheadMs += seconds * 1000 },
    ask: async (ip, mode = 'wait', more = {}) => await engine.lookup(ip, { mode, write: false, timeoutMs: 10_000, ...more })
  }
}

/** A provider whose answers wait until the test lets them go. */
export function heldProvider (answer: Provider['lookup'], more: Partial<Provider> = {}): Provider & { readonly calls: string[], release (): void } {
  const calls: string[] = []
  let waiting: (() => void)[] = []
  return {
    name: 'held',
    calls,
    async lookup (ip, context) {
      calls.push(ip)
      await new Promise<void>(resolve => waiting.push(resolve))
      return await answer(ip, context)
    },
    release () {
      for (const resolve of waiting) resolve()
      waiting = []
    },
    ...more
  }
}

/** As `app.ipRisk.allow()`. */
export async function allow (engine: Engine, network: string, ttlSeconds: number): Promise<void> {
  await engine.except({ effect: 'allow', reason: null, author: null, ...readNetwork(network) }, ttlSeconds)
}
