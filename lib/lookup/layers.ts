import type { KnownAnswer } from '../../types/contract.ts'
import { SETTLED_LATER_MS, type Verdict } from '../verdict/verdict.ts'
import { type Ask, createFinder, type LookupCounter, ownCopy } from './finder.ts'
import { createFlights } from './flight.ts'
import { createLookup, type Lookup } from './lookup.ts'
import type { Memory } from './memory.ts'
import type { SharedCache } from './shared-cache.ts'

/** In the last tenth of its life a verdict that is asked for is refreshed in the background. */
const REFRESH_AT = 0.9

export interface LayersParts {
  readonly memory: Memory
  readonly shared: SharedCache | undefined
  readonly ask: Ask
  readonly isCrowded: (ip: string) => boolean
  readonly providerName: string
  readonly ttlSeconds: number
  /** Refreshing costs some calls more: not where the calls of a day are counted. */
  readonly refresh: boolean
  readonly now: () => number
  readonly count: (what: LookupCounter) => void
}

export interface Layers {
  readonly lookup: Lookup
  /** What is known of an address is forgotten, and what is being found out about it is not kept. */
  forget (ip: string): void
  /** Of which something is held, or being found out. */
  addresses (): string[]
  /** The same provider knows better now. */
  replace (ip: string, answer: KnownAnswer): void
}

/** The layers around a provider that takes its time. */
export function createLayers ({ memory, shared, ask, isCrowded, providerName, ttlSeconds, refresh, now, count }: LayersParts): Layers {
  const flights = createFlights<Verdict>()
  const find = createFinder({ memory, shared, ask, isCrowded, providerName, now, count })
  const refreshAfterMs = refresh ? ttlSeconds * REFRESH_AT * 1000 : Infinity
  return {
    lookup: createLookup({ memory, shared, flights, find, providerName, refreshAfterMs, now, count }),
    forget (ip) {
      memory.delete(ip)
      flights.drop(ip)
    },
    addresses: () => [...memory.addresses(), ...flights.keys()],
    replace (ip, answer) {
      const provider = answer.provider ?? providerName
      const held = memory.get(ip)
      if (held?.provider !== provider) return
      const checkedAtMs = held.checkedAtMs + SETTLED_LATER_MS
      const verdict = Object.freeze({ answer: ownCopy(answer), provider, checkedAtMs, cache: 'miss' as const })
      memory.set(ip, verdict)
      shared?.unclaimed(ip).fill(verdict)
    }
  }
}
