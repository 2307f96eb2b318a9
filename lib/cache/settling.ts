import type { Provider, ProviderAnswer, SettlingProvider } from '../../types/contract.ts'
import {
  answerNames, isKnown, type KnownResult, type LookupResult, membersOf, SETTLED_LATER_MS, withCacheState
} from '../verdict/index.ts'
import { frozenCopy } from './compact.ts'
import type { LookupLayer } from './lookup.ts'
import type { MemoryCache } from './memory-cache.ts'
import type { SharedReads } from './reads.ts'
import type { SharedCache } from './shared-cache.ts'
import { createInFlight } from './single-flight.ts'

interface SettlingParts {
  readonly provider: Provider
  readonly memory: MemoryCache
  readonly shared: SharedCache | undefined
  /** Those of `shared`. */
  readonly reads: SharedReads | undefined
  readonly now: () => number
}

/** Replaces first answers by the ones of deferred lookups. */
interface Settling {
  /**
   * A write waits for the final answer where its time allows. Undefined where every first answer is final. The final
   * answer comes from the deferred lookup of this process or, if another process made the call, from the shared cache.
   */
  readonly layer: LookupLayer | undefined
  /**
   * A deferred lookup of this process begins. A known answer, which the result is called with, replaces the cached one
   * of the same provider, unless the address was forgotten meanwhile. The result must be called, whatever the answer.
   */
  settled (ip: string): (answer: ProviderAnswer) => void
  /** The address was forgotten: requests that wait for its final answer get the first one. */
  drop (ip: string): void
  /** Those whose final answer is expected. */
  addresses (): string[]
  /** Ends all waits: they get the answer that is cached. */
  close (): void
}

/** An address whose final answer is expected. */
interface Unsettled {
  /** As it was found: memory keeps a shorter form, by which the stored entry could not be recognized. */
  readonly first: KnownResult
  readonly dueMs: number
  readonly waiting: Set<() => void>
  timer: NodeJS.Timeout
}

/** When the shared cache is read, after the final answer is due. After the last one none is expected. */
const READ_AFTER_MS = [200, 800, 2_000] as const
/** How long the final answer takes to arrive. A request with less time does not wait. */
const ANSWER_MS = 250
/** Bounds the timers. */
const MAX_UNSETTLED = 1_000

/** The providers (members too) whose first answer is not final, by name. */
function settlingProviders (root: Provider): ReadonlyMap<string, number> {
  const found = new Map<string, number>()
  const names = answerNames(root)
  const add = (provider: Provider): void => {
    const { name, settlesAfterMs } = provider as Provider & Partial<SettlingProvider>
    if (settlesAfterMs !== undefined && names.includes(name)) found.set(name, settlesAfterMs)
    membersOf(provider).forEach(add)
  }
  add(root)
  return found
}

export function createSettling ({ provider, memory, shared, reads, now }: SettlingParts): Settling {
  const settlesAfterMs = settlingProviders(provider)
  const unsettled = new Map<string, Unsettled>()
  const begun = createInFlight<{ dropped: boolean }>()

  function dueMs (result: KnownResult): number | undefined {
    const afterMs = settlesAfterMs.get(result.provider)
    const { cache } = result
    if (afterMs === undefined || cache === 'stale' || cache === 'subnet') return undefined
    const dueMs = result.checkedAtMs + afterMs
    return dueMs > now() ? dueMs : undefined
  }

  function watch (ip: string, first: KnownResult, dueMs: number): Unsettled | undefined {
    const known = unsettled.get(ip)
    if (known !== undefined || unsettled.size >= MAX_UNSETTLED) return known
    const state: Unsettled = { first, dueMs, waiting: new Set(), timer: readLater(ip, dueMs, 0) }
    unsettled.set(ip, state)
    return state
  }

  function readLater (ip: string, dueMs: number, turn: number): NodeJS.Timeout {
    return setTimeout(() => { read(ip, turn) }, dueMs + READ_AFTER_MS[turn]! - now()).unref()
  }

  async function read (ip: string, turn: number): Promise<void> {
    const read = reads?.of(ip)
    const stored = await read?.stored
    const state = unsettled.get(ip)
    if (state === undefined) return
    const isNewer = typeof stored === 'object' && stored.checkedAtMs - state.first.checkedAtMs >= SETTLED_LATER_MS / 2
    if (isNewer && read?.dropped === false) memory.set(ip, stored)
    if (isNewer || turn + 1 === READ_AFTER_MS.length) end(ip)
    else state.timer = readLater(ip, state.dueMs, turn + 1)
  }

  function end (ip: string): void {
    const state = unsettled.get(ip)
    if (state === undefined) return
    unsettled.delete(ip)
    clearTimeout(state.timer)
    for (const resolve of state.waiting) resolve()
  }

  function wait (ip: string, first: LookupResult, { waiting }: Unsettled, leftMs: number): Promise<LookupResult> {
    return new Promise(resolve => {
      const timer = setTimeout(finish, leftMs)
      waiting.add(finish)

      function finish (): void {
        clearTimeout(timer)
        waiting.delete(finish)
        const cached = memory.get(ip)
        const isFinal = cached !== undefined && isKnown(cached) && cached.provider === first.provider
        resolve(isFinal ? withCacheState(cached, first.cache) : first)
      }
    })
  }

  /** `untilMs` is by `performance.now()`: the time of day may be set meanwhile. */
  function settle (ip: string, first: LookupResult, untilMs: number): LookupResult | Promise<LookupResult> {
    if (!isKnown(first)) return first
    const due = dueMs(first)
    if (due === undefined) return first
    const state = watch(ip, first, due)
    const leftMs = untilMs - performance.now()
    return state === undefined || due + ANSWER_MS - now() > leftMs ? first : wait(ip, first, state, leftMs)
  }

  const layer: LookupLayer = next => (ip, call) => {
    const untilMs = call.write && call.mode === 'wait' ? performance.now() + call.timeoutMs : 0
    const result = next(ip, call)
    return result instanceof Promise ? result.then(first => settle(ip, first, untilMs)) : settle(ip, result, untilMs)
  }

  function replace (ip: string, answer: ProviderAnswer): void {
    if (answer.verdict === 'unknown') return
    const name = answer.provider ?? provider.name
    const cached = memory.get(ip)
    if (cached?.provider !== name || !isKnown(cached)) return
    const checkedAtMs = cached.checkedAtMs + SETTLED_LATER_MS
    const result = Object.freeze({ answer: frozenCopy(answer), provider: name, checkedAtMs, cache: 'miss' as const })
    memory.set(ip, result)
    const watched = unsettled.get(ip)?.first
    const first = watched?.provider === name ? watched : cached
    shared?.finalLease(ip, shared.versionOf(ip, first)).fill(result)
  }

  return {
    layer: settlesAfterMs.size === 0 ? undefined : layer,
    settled (ip) {
      const deferred = { dropped: false }
      begun.add(ip, deferred)
      return answer => {
        begun.end(ip, deferred)
        if (deferred.dropped) return
        replace(ip, answer)
        end(ip)
      }
    },
    drop (ip) {
      begun.drop(ip)
      end(ip)
    },
    addresses: () => [...begun.addresses(), ...unsettled.keys()],
    close () {
      for (const ip of [...unsettled.keys()]) end(ip)
    }
  }
}
