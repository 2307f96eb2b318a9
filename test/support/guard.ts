import type { CompositeContext, SettlingContext } from '../../types/contract.ts'
import type { ProviderAnswer } from '../../types/contract.ts'
import type { ProviderPipelines } from '../../lib/resilience/pipelines.ts'
import { memoryLog } from './log.ts'

/** A clock that moves when told to. */
export function clock (at = 1_000_000): { now: () => number, pass (ms: number): void } {
  return { now: () => at, pass (ms) { at += ms } }
}

/** The verdict, or the reason why there is none. */
export async function said (answer: ProviderAnswer | Promise<ProviderAnswer>): Promise<string> {
  const given = await answer
  return given.verdict === 'unknown' ? given.reason : given.verdict
}

export async function ask (guarded: ProviderPipelines, ip: string, write = true): Promise<string> {
  return await said(guarded.ask(ip, { write }))
}

/** For a provider that is asked without guards. */
export function bareContext (more: Partial<CompositeContext & SettlingContext> = {}): CompositeContext & SettlingContext {
  return {
    signal: new AbortController().signal,
    write: false,
    log: memoryLog(),
    spend: async () => null,
    ask: (member, ip) => member.lookup(ip, bareContext()),
    async * askAll () {},
    ...more
  }
}

export async function collect<T> (source: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = []
  for await (const item of source) all.push(item)
  return all
}
