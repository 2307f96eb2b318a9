import t from 'tap'
import { createLoad } from '../lib/cache/load.ts'
import { createMemoryCache } from '../lib/cache/memory-cache.ts'
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
  /** Moves the clock, that of the budget for Redis as well. */
  pass (ms: number): void
}

interface Given {
  /** What Redis answers to one claim after the other; the lease to those that follow. */
  readonly claims?: readonly ((test: Test) => Claim)[]
  readonly write?: boolean
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
  { claims = [], write = false, answersFrom = 'the start', ask = () => knownAnswer('clean') }: Given
): Promise<Loaded> {
  const { now, pass } = clock()
  const settings = { maxEntries: 100, ttlSeconds: 300, unknownTtlSeconds: 10, staleIfErrorSeconds: 0 }
  const memory = createMemoryCache({ ...settings, ages: ageLimits(settings, tableProvider({})), now })
  const inFlight: InFlightLoad = { write, result: undefined as never, wantedUntilMs: Infinity, dropped: false }
  const test: Test = { inFlight, pass }
  const did: string[] = []
  const lease = (name: string): Lease => ({
    fill: () => { did.push(`fills ${name}`) },
    fail: (reason, remember) => { did.push(`fails ${name}, ${reason}${remember ? ', for a while' : ''}`) },
    release: () => { did.push(`releases ${name}`) }
  })
  let claimed = 0
  let quotaMs: number | undefined
  const shared: SharedCache = {
    timeoutMs: BUDGET_MS,
    answers: () => answersFrom === 'the start',
    read: async () => undefined,
    async claim () {
      did.push('claims')
      await Promise.resolve() // the budget counts from here on
      return claims[claimed++]?.(test) ?? { kind: 'granted', lease: lease('its lease') }
    },
    localLease: (_ip, replaces) => lease(replaces === undefined ? 'a blind lease' : 'a local lease'),
    finalLease: () => lease('a final lease'),
    versionOf: () => 'version'
  }
  const run = createLoad({
    memory,
    shared,
    singleFlight: { get: () => undefined },
    ask (_ip, { redisBudget }) {
      did.push('asks')
      quotaMs = redisBudget?.leftMs()
      return ask(test)
    },
    refusal: () => null,
    isCrowded: () => false,
    providerName: 'table',
    isFinal: undefined,
    now,
    counts: { memory: 0, redis: 0, shared: 0, stale: 0, subnet: 0, refreshed: 0 }
  })
  const result = await run(ip, inFlight, { refresh: false, budget: redisBudget(BUDGET_MS, now) })
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
