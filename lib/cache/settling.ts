import type { Provider } from '../../types/contract.ts'
import { isKnown, type LookupResult, SETTLED_LATER_MS, withCacheState } from '../verdict/index.ts'
import type { Lookup } from './lookup.ts'
import type { MemoryCache } from './memory-cache.ts'
import type { SharedCache } from './shared-cache.ts'

export interface SettlingParts {
  readonly lookup: Lookup
  readonly memory: MemoryCache
  readonly shared: SharedCache | undefined
  /** By the name of the provider that answered. */
  readonly settlesAfterMs: ReadonlyMap<string, number>
  readonly now: () => number
}

export interface Settling {
  readonly lookup: Lookup
  /** The deferred lookup of this process is over: its answer is in memory, or there is none. */
  settled (ip: string): void
  /** Whoever waits takes what is there. */
  close (): void
}

/** An address whose settled verdict is to come. */
interface Unsettled {
  readonly checkedAtMs: number
  readonly dueMs: number
  readonly waiting: Set<() => void>
  timer: NodeJS.Timeout
}

/** When the shared cache is read for what another process has learnt, after the settled answer was due. Then none is expected. */
const READ_AFTER_MS = [200, 800, 2_000] as const
/** A settled answer takes this long to come. Who has less time does not wait. */
const ANSWER_MS = 250
/** Bounds the timers. */
const MAX_UNSETTLED = 1_000

/** By name, the providers (members too) whose first answer is not final. */
export function settlingProviders (root: Provider): ReadonlyMap<string, number> {
  const found = new Map<string, number>()
  const names = root.names ?? [root.name]
  const add = ({ name, settlesAfterMs, members = [] }: Provider): void => {
    if (settlesAfterMs !== undefined && names.includes(name)) found.set(name, settlesAfterMs)
    members.forEach(add)
  }
  add(root)
  return found
}

/**
 * A lookup for providers whose first answer is not final: a write waits for the settled one where its time allows. That comes from the
 * deferred lookup of this process, or, when another process asked, out of the shared cache.
 */
export function createSettling ({ lookup, memory, shared, settlesAfterMs, now }: SettlingParts): Settling {
  const unsettled = new Map<string, Unsettled>()

  function dueMs (verdict: LookupResult): number | undefined {
    const afterMs = settlesAfterMs.get(verdict.provider)
    if (afterMs === undefined || !isKnown(verdict) || verdict.cache === 'stale' || verdict.cache === 'subnet') return undefined
    const dueMs = verdict.checkedAtMs + afterMs
    return dueMs > now() ? dueMs : undefined
  }

  function watch (ip: string, { checkedAtMs }: LookupResult, dueMs: number): Unsettled | undefined {
    const known = unsettled.get(ip)
    if (known !== undefined || unsettled.size >= MAX_UNSETTLED) return known
    const state: Unsettled = { checkedAtMs, dueMs, waiting: new Set(), timer: readLater(ip, dueMs, 0) }
    unsettled.set(ip, state)
    return state
  }

  function readLater (ip: string, dueMs: number, turn: number): NodeJS.Timeout {
    return setTimeout(() => { read(ip, turn) }, dueMs + READ_AFTER_MS[turn]! - now()).unref()
  }

  async function read (ip: string, turn: number): Promise<void> {
    const stored = await shared?.read(ip)
    const state = unsettled.get(ip)
    if (state === undefined) return
    const isNewer = typeof stored === 'object' && stored.checkedAtMs - state.checkedAtMs >= SETTLED_LATER_MS / 2
    if (isNewer) memory.set(ip, stored)
    if (isNewer || turn + 1 === READ_AFTER_MS.length) end(ip)
    else state.timer = readLater(ip, state.dueMs, turn + 1)
  }

  function end (ip: string): void {
    const state = unsettled.get(ip)
    if (state === undefined) return
    unsettled.delete(ip)
    clearTimeout(state.timer)
    for (const go of state.waiting) go()
  }

  function wait (ip: string, verdict: LookupResult, { waiting }: Unsettled, untilMs: number): Promise<LookupResult> {
    return new Promise(resolve => {
      const go = (): void => {
        clearTimeout(timer)
        waiting.delete(go)
        const held = memory.get(ip)
        resolve(held !== undefined && isKnown(held) && held.provider === verdict.provider ? withCacheState(held, verdict.cache) : verdict)
      }
      const timer = setTimeout(go, untilMs - now())
      waiting.add(go)
    })
  }

  function settle (ip: string, verdict: LookupResult, untilMs: number): LookupResult | Promise<LookupResult> {
    const due = dueMs(verdict)
    if (due === undefined) return verdict
    const state = watch(ip, verdict, due)
    return state === undefined || due + ANSWER_MS > untilMs ? verdict : wait(ip, verdict, state, untilMs)
  }

  return {
    lookup (ip, call) {
      const untilMs = call.write && call.mode === 'wait' ? now() + call.timeoutMs : 0
      const verdict = lookup(ip, call)
      return verdict instanceof Promise ? verdict.then(verdict => settle(ip, verdict, untilMs)) : settle(ip, verdict, untilMs)
    },
    settled: end,
    close () {
      for (const ip of [...unsettled.keys()]) end(ip)
    }
  }
}
