import t from 'tap'
import { createLoad } from '../lib/cache/load.ts'
import { createMemoryCache, type MemoryCache } from '../lib/cache/memory-cache.ts'
import { ageLimits } from '../lib/cache/options.ts'
import type { Claim, Lease, LeaseOutcome, SharedCache } from '../lib/cache/shared-cache.ts'
import type { InFlightLoad } from '../lib/cache/single-flight.ts'
import { redisBudget } from '../lib/util/async.ts'
import { type KnownResult, knownAnswer, type LookupResult, unknownAnswer } from '../lib/verdict/verdict.ts'
import type { ProviderAnswer, UnknownReason } from '../types/contract.ts'
import { clock } from './support/guard.ts'
import { tableProvider } from './support/table-provider.ts'

const ip = '203.0.113.7'
const BUDGET_MS = 100

interface Test {
  readonly inFlight: InFlightLoad
  readonly memory: MemoryCache
  lease (name: string): Lease
  /** Moves the clock, that of the budget for Redis as well. */
  pass (ms: number): void
}

interface Given {
  /** What Redis answers to one claim after the other; the lease to those that follow. */
  readonly claims?: readonly ((test: Test) => Claim)[]
  readonly write?: boolean
  readonly refresh?: boolean
  /** Another load of the address in this process. */
  readonly other?: InFlightLoad
  readonly isFinal?: (result: LookupResult) => boolean
  readonly answersFrom?: 'the start' | 'never'
  ask? (test: Test): ProviderAnswer
}

/** What one load did, in order, what it found, and what memory keeps of that. */
interface Loaded {
  readonly did: readonly string[]
  readonly found: string
  readonly kept: string | undefined
  /** What is left of the time for Redis when the provider is asked. */
  readonly quotaMs: number | undefined
}

async function load (
  { claims = [], write = false, refresh = false, other, isFinal, answersFrom = 'the start', ask = () => knownAnswer('clean') }: Given
): Promise<Loaded> {
  const { now, pass } = clock()
  const settings = { maxEntries: 100, ttlSeconds: 300, unknownTtlSeconds: 10, staleIfErrorSeconds: 0 }
  const memory = createMemoryCache({ ...settings, ages: ageLimits(settings, tableProvider({})), now })
  const inFlight: InFlightLoad = { write, result: undefined as never, wantedUntilMs: 2_000_000, dropped: false }
  const did: string[] = []
  const lease = (name: string): Lease => ({
    fill: () => { did.push(`fills ${name}`) },
    fail: (reason, remember) => { did.push(`fails ${name}, ${reason}${remember ? ', for a while' : ''}`) },
    release: () => { did.push(`releases ${name}`) }
  })
  const test: Test = { inFlight, memory, lease, pass }
  let claimed = 0
  let quotaMs: number | undefined
  const shared: SharedCache = {
    timeoutMs: BUDGET_MS,
    answers: () => answersFrom === 'the start',
    read: async () => undefined,
    async claim () {
      did.push('claims')
      await Promise.resolve() // the budget counts from here on
      return claims[claimed++]?.(test) ?? { kind: 'granted', lease: lease('its lease'), held: true }
    },
    localLease: (_ip, replaces) => lease(replaces === undefined ? 'a blind lease' : 'a local lease'),
    finalLease: () => lease('a final lease'),
    versionOf: () => 'version'
  }
  const run = createLoad({
    memory,
    shared,
    singleFlight: { get: (_ip, accepts = () => true) => [inFlight, ...other === undefined ? [] : [other]].find(accepts) },
    ask (_ip, { redisBudget }) {
      did.push('asks')
      quotaMs = redisBudget?.leftMs()
      return ask(test)
    },
    refusal: () => null,
    isCrowded: () => false,
    providerName: 'table',
    isFinal,
    now,
    monotonic: now,
    counts: { memory: 0, redis: 0, shared: 0, stale: 0, subnet: 0, refreshed: 0 }
  })
  const result = await run(ip, inFlight, { refresh, budget: redisBudget(BUDGET_MS, now) })
  const text = ({ answer }: LookupResult): string => answer.verdict === 'unknown' ? answer.reason : answer.verdict
  const kept = memory.get(ip)
  return { did, found: text(result), kept: kept && text(kept), quotaMs }
}

const theirs: KnownResult = { answer: knownAnswer('vpn_detected'), provider: 'table', checkedAtMs: 1_000_000, cache: 'miss' }
const stored = (_test: Test): Claim => ({ kind: 'stored', result: theirs, version: 'version' })
const leased = (outcome: (test: Test) => LeaseOutcome | undefined | 'unreachable') => (test: Test): Claim =>
  ({ kind: 'leased', outcome: Promise.resolve().then(() => outcome(test)) })
const shares = leased(() => ({ result: theirs }))
const refuses = (reason: UnknownReason) => leased(() => ({ reason }))
/** It may have been carried out all the same. */
const noReply = ({ lease }: Test): Claim => ({ kind: 'granted', lease: lease('a blind lease'), held: false })
const endsWithout = leased(() => undefined)
/** The address is invalidated just before. */
const invalidated = <R>(then: (test: Test) => R) => (test: Test): R => {
  test.inFlight.dropped = true
  return then(test)
}

t.test('what another process found is kept, but not where the address is invalidated during the wait for it', async t => {
  const sharesLate = leased(invalidated(() => ({ result: theirs })))
  const endsLate = leased(invalidated(() => undefined))
  for (const [name, kept, without] of [
    ['it was stored', [stored], [invalidated(stored)]],
    ['its message came', [shares], [sharesLate]],
    ['its message came, after another wait', [endsWithout, shares], [endsLate, shares]],
    ['it was stored during another wait', [endsWithout, stored], [endsLate, stored]]
  ] as const) {
    t.match(await load({ claims: kept }), { found: 'vpn_detected', kept: 'vpn_detected' }, name)
    t.match(await load({ claims: without }), { found: 'vpn_detected', kept: undefined }, `${name}, invalidated`)
  }
})

t.test('what a call finds is kept and stored where the address was invalidated before the call, not during it', async t => {
  const before = await load({ claims: [leased(invalidated(() => undefined))] })
  t.match(before, { did: ['claims', 'claims', 'asks', 'fills its lease'], found: 'clean', kept: 'clean' })
  const during = await load({ ask: invalidated(() => knownAnswer('clean')) })
  t.match(during, { did: ['claims', 'asks', 'releases its lease'], found: 'clean', kept: undefined })
})

t.test('a load whose wait ended because Redis failed asks without another claim', async t => {
  const { did } = await load({ claims: [leased(() => 'unreachable')] })
  t.strictSame(did, ['claims', 'asks', 'fills a blind lease'])
})

t.test('a load that finds Redis away asks without a claim', async t => {
  t.strictSame((await load({ answersFrom: 'never' })).did, ['asks', 'fills a blind lease'])
})

t.test('a load whose claim got no reply shares the call of another one of its process, but a write not that of a read', async t => {
  for (const [write, otherWrites, shares] of [
    [false, false, true], [false, true, true], [true, true, true], [true, false, false]
  ] as const) {
    const other = { write: otherWrites, result: Promise.resolve(theirs), wantedUntilMs: 0, dropped: false }
    const { did, found } = await load({ claims: [noReply], write, other })
    t.strictSame({ did, found, wantedUntilMs: other.wantedUntilMs }, shares
      ? { did: ['claims', 'releases a blind lease'], found: 'vpn_detected', wantedUntilMs: 2_000_000 }
      : { did: ['claims', 'asks', 'fills a blind lease'], found: 'clean', wantedUntilMs: 0 })
  }
})

t.test('an escalation shares that of another write of its process', async t => {
  const result: LookupResult = { ...theirs, answer: knownAnswer('vpn_likely') }
  const escalates = { claims: [stored], write: true, isFinal: ({ answer }: LookupResult) => answer.verdict !== 'vpn_detected' }
  t.match(await load(escalates), { did: ['claims', 'asks', 'fills a local lease'], found: 'clean' })
  const other = { write: true, result: Promise.resolve(result), wantedUntilMs: 0, dropped: false }
  t.match(await load({ ...escalates, other }), { did: ['claims', 'releases a local lease'], found: 'vpn_likely' })
})

t.test('a load that shares the call of another one is itself shared no more, so that no two wait for each other', async t => {
  let inFlight: InFlightLoad | undefined
  const claim = (test: Test): Claim => {
    inFlight = test.inFlight
    return noReply(test)
  }
  await load({ claims: [claim], other: { write: false, result: Promise.resolve(theirs), wantedUntilMs: 0, dropped: false } })
  t.equal(inFlight?.dropped, true)
})

t.test('a load takes what its process has learned before it calls without a lease; a refresh, only after an invalidation', async t => {
  const learns = (test: Test): Claim => {
    test.memory.set(ip, theirs)
    return noReply(test)
  }
  const taken = { did: ['claims', 'releases a blind lease'], found: 'vpn_detected', kept: 'vpn_detected' }
  t.match(await load({ claims: [learns] }), taken)
  t.match(await load({ claims: [invalidated(learns)] }), taken)
  t.match(await load({ claims: [invalidated(learns)], refresh: true }), taken)
  t.match(await load({ claims: [learns], refresh: true }), { did: ['claims', 'asks', 'fills a blind lease'], found: 'clean' })
  const failed: LookupResult = { answer: unknownAnswer('unavailable'), provider: 'table', checkedAtMs: 1_000_000, cache: 'miss' }
  const fails = (test: Test): Claim => {
    test.memory.fail(ip, failed)
    return noReply(test)
  }
  t.match(await load({ claims: [fails] }), { did: ['claims', 'releases a blind lease'], found: 'unavailable' }, 'a failure, too')
})

t.test('a call has the whole time for its quota, where Redis answered the claim in time', async t => {
  for (const [spent, left] of [[0.9, BUDGET_MS], [1.1, 0]] as const) {
    const granted = (test: Test): Claim => {
      test.pass(BUDGET_MS * spent)
      return undefined as never // the lease
    }
    t.equal((await load({ claims: [granted] })).quotaMs, left)
  }
})

t.test('a load has the whole time for Redis again after each wait for another process', async t => {
  const slow = (test: Test): Claim => {
    test.pass(BUDGET_MS * 0.6)
    return endsWithout(test)
  }
  t.strictSame((await load({ claims: [slow, slow, slow] })).did, ['claims', 'claims', 'claims', 'claims', 'asks', 'fills its lease'])
})

t.test('a load that has waited for a minute, while one process after the other died, gives up', async t => {
  const { did, found } = await load({ claims: [leased(test => { test.pass(60_000) })] })
  t.strictSame({ did, found }, { did: ['claims'], found: 'timeout' })
})

t.test('a limit that stopped the call of another process is the answer for a read, and a write tries for itself', async t => {
  for (const reason of ['quota_exhausted', 'overloaded'] as const) {
    const claims = [refuses(reason)]
    t.match(await load({ claims }), { did: ['claims'], found: reason, kept: undefined })
    t.match(await load({ claims, write: true }), { did: ['claims', 'claims', 'asks', 'fills its lease'], found: 'clean' })
  }
  t.match(await load({ claims: [refuses('unavailable')], write: true }), { did: ['claims'], found: 'unavailable', kept: 'unavailable' })
})

t.test('processes remember that a call failed, but not that a limit stopped it', async t => {
  const failing = async (reason: UnknownReason): Promise<unknown> => (await load({ ask: () => unknownAnswer(reason) })).did.at(-1)
  t.equal(await failing('unavailable'), 'fails its lease, unavailable, for a while')
  t.equal(await failing('quota_exhausted'), 'fails its lease, quota_exhausted')
  t.equal(await failing('overloaded'), 'fails its lease, overloaded')
})
