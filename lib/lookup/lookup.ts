import type { LookupMode, ProviderAnswer } from '../../types/contract.ts'
import { from, isKnown, unasked, unknownAnswer, type KnownVerdict, type Verdict } from '../verdict/verdict.ts'
import { waitAtMost } from './deadline.ts'
import { createFlights } from './flight.ts'
import type { Memory } from './memory.ts'

export interface LookupCall {
  readonly mode: LookupMode
  readonly write: boolean
  /** Longest wait for a verdict. The lookup itself goes on. */
  readonly timeoutMs: number
}

/** Whether an address is known, asked of memory, Redis and the provider in this order. Never rejects; a memory hit is no promise. */
export type Lookup = (ip: string, call: LookupCall) => Verdict | Promise<Verdict>

/** The cache that processes share. Neither call rejects. */
export interface SharedCache {
  get (ip: string): Promise<KnownVerdict | undefined>
  /** Returns before it is stored. */
  set (ip: string, verdict: KnownVerdict): void
}

export interface LookupParts {
  readonly memory: Memory
  readonly shared?: SharedCache | undefined
  /** The provider behind its guards. Never rejects. */
  readonly ask: (ip: string, call: { readonly write: boolean }) => Promise<ProviderAnswer>
  readonly providerName: string
  readonly now: () => number
  readonly count: (what: 'memory' | 'redis' | 'provider' | 'shared') => void
}

/**
 * Outermost first: memory answers at once; whoever must wait shares one flight an address; the flight reads Redis before it asks.
 * A time limit stands around each waiting request only, so that nobody's impatience cancels the others' answer.
 */
export function createLookup ({ memory, shared, ask, providerName, now, count }: LookupParts): Lookup {
  const flights = createFlights<Verdict>()
  const reads = createFlights<KnownVerdict | undefined>()

  return function lookup (ip, { mode, write, timeoutMs }) {
    const held = memory.get(ip)
    if (held !== undefined) {
      count('memory')
      return held
    }
    switch (mode) {
      case 'skip': return unasked('skipped', now())
      case 'cache': return shared === undefined ? unasked('not_asked', now()) : readShared(ip).then(hit => hit ?? unasked('not_asked', now()))
      case 'background': return shared === undefined ? inBackground(ip, write) : readShared(ip).then(hit => hit ?? inBackground(ip, write))
      case 'wait': return waitAtMost(fly(ip, write), timeoutMs, () => unasked('timeout', now(), providerName))
    }
  }

  function inBackground (ip: string, write: boolean): Verdict {
    fly(ip, write)
    return unasked('pending', now(), providerName)
  }

  function fly (ip: string, write: boolean): Promise<Verdict> {
    const flight = flights.get(ip)
    if (flight === undefined) return flights.start(ip, () => find(ip, write).catch(failed))
    count('shared')
    return flight
  }

  async function find (ip: string, write: boolean): Promise<Verdict> {
    const hit = shared === undefined ? undefined : await readShared(ip)
    if (hit !== undefined) return hit
    count('provider')
    const answer = await ask(ip, { write })
    const verdict: Verdict = Object.freeze({ answer, provider: providerOf(answer) ?? providerName, checkedAtMs: now(), cache: 'miss' as const })
    memory.set(ip, verdict)
    if (isKnown(verdict)) shared?.set(ip, verdict)
    return verdict
  }

  function failed (cause: unknown): Verdict {
    return { answer: unknownAnswer('unavailable', cause), provider: providerName, checkedAtMs: now(), cache: 'miss' }
  }

  function readShared (ip: string): Promise<KnownVerdict | undefined> {
    return reads.get(ip) ?? reads.start(ip, async () => {
      const hit = await shared!.get(ip)
      if (hit !== undefined) {
        count('redis')
        memory.set(ip, hit)
      }
      return hit === undefined ? undefined : from(hit, 'redis') as KnownVerdict
    })
  }
}

function providerOf (answer: ProviderAnswer): string | undefined {
  return answer.verdict === 'unknown' ? undefined : answer.provider
}
