import t from 'tap'
import { setTimeout as sleep } from 'node:timers/promises'
import type { SettlingContext } from '../types/contract.ts'
import type { Provider, ProviderAnswer, UnknownReason } from '../types/contract.ts'
import { createPipelines, type PipelinesDeps, type ProviderPipelines } from '../lib/resilience/pipelines.ts'
import { fakeProvider } from '../lib/testing/index.ts'
import { knownAnswer, unknownAnswer } from '../lib/verdict/verdict.ts'
import { ask, clock } from './support/guard.ts'
import { memoryLog } from './support/log.ts'

function guard (provider: Partial<Provider>, more: Partial<PipelinesDeps> = {}): ProviderPipelines {
  const guarded = createPipelines({ name: 'tried', lookup: () => knownAnswer('clean'), ...provider }, { log: memoryLog(), ...more })
  t.teardown(() => guarded.close())
  return guarded
}

/** A provider whose next answers are put in by hand. */
function answering (): { answer: ProviderAnswer, calls: number, lookup: Provider['lookup'] } {
  const state = { answer: knownAnswer('clean') as ProviderAnswer, calls: 0, lookup: () => { state.calls++; return state.answer } }
  return state
}

t.test('five failures in a row open the breaker, one call probes it, the others are answered at once', async t => {
  const log = memoryLog()
  const { now, pass } = clock()
  const asked: ((answer: ProviderAnswer) => void)[] = []
  const dead = unknownAnswer('timeout')
  let slow = false
  const lookup: Provider['lookup'] = () => new Promise(resolve => {
    asked.push(resolve)
    if (!slow) resolve(dead)
  })
  const guarded = guard({ lookup }, { now, log })
  const state = (): string => guarded.stats()['tried']!.breaker
  for (let i = 0; i < 5; i++) {
    t.equal(state(), 'closed')
    await ask(guarded, '192.0.2.1')
  }
  t.equal(state(), 'open')
  t.same(await Promise.all([ask(guarded, '192.0.2.1'), ask(guarded, '192.0.2.2')]), ['unavailable', 'unavailable'])
  t.equal(asked.length, 5)

  pass(10_000)
  slow = true
  const probe = ask(guarded, '192.0.2.3')
  while (asked.length < 6) await sleep(1)
  t.equal(state(), 'half_open')
  t.equal(await ask(guarded, '192.0.2.4'), 'unavailable', 'nobody waits for the probe')
  asked[5]!(dead)
  t.equal(await probe, 'timeout')
  t.equal(state(), 'open', 'ten seconds more')

  pass(10_000)
  const second = ask(guarded, '192.0.2.5')
  while (asked.length < 7) await sleep(1)
  asked[6]!(knownAnswer('clean'))
  t.equal(await second, 'clean')
  t.equal(state(), 'closed')
  t.same(log.lines.map(line => line.level), ['warn', 'info'], 'one line a change of state')
})

t.test('only what says that a provider is ill counts as a failure', async t => {
  for (const [reason, expected] of [
    ['timeout', 'open'], ['unavailable', 'open'], ['bad_response', 'open'], ['no_data', 'closed'], ['rejected', 'closed'], ['quota_exhausted', 'closed']
  ] as [UnknownReason, string][]) {
    const guarded = guard({ lookup: () => unknownAnswer(reason) })
    for (let i = 0; i < 7; i++) await ask(guarded, '192.0.2.1')
    t.equal(guarded.stats()['tried']!.breaker, expected, reason)
  }
  const state = answering()
  const guarded = guard({ lookup: state.lookup })
  for (let i = 0; i < 20; i++) {
    state.answer = i % 5 === 4 ? knownAnswer('clean') : unknownAnswer('timeout')
    await ask(guarded, '192.0.2.1')
  }
  t.equal(guarded.stats()['tried']!.breaker, 'closed', 'not five in a row')
  t.match(guarded.stats()['tried'], { calls: 20, failures: 16 })
})

t.test('a probe that our own bounds refuse says nothing, and the next call probes', async t => {
  const { now, pass } = clock()
  const state = answering()
  const guarded = guard({ lookup: state.lookup, limits: { perMinute: 8 }, reserveForWrites: 0.75 }, { now })
  state.answer = unknownAnswer('unavailable')
  for (let i = 0; i < 5; i++) await ask(guarded, '192.0.2.1')
  pass(10_000)
  state.answer = unknownAnswer('overloaded')
  t.equal(await ask(guarded, '192.0.2.1'), 'overloaded')
  t.equal(guarded.stats()['tried']!.breaker, 'open')
  state.answer = knownAnswer('clean')
  t.equal(await ask(guarded, '192.0.2.1'), 'clean')
  t.equal(guarded.stats()['tried']!.breaker, 'closed')
})

t.test('a call that was under way when the breaker opened changes nothing', async t => {
  const releases: ((answer: ProviderAnswer) => void)[] = []
  const guarded = guard({ lookup: () => new Promise(resolve => { releases.push(resolve) }) })
  const asked = Array.from({ length: 6 }, () => ask(guarded, '192.0.2.1'))
  while (releases.length < 6) await sleep(1)
  for (const release of releases.slice(0, 5)) release(unknownAnswer('unavailable'))
  await Promise.all(asked.slice(0, 5))
  releases[5]!(knownAnswer('clean'))
  await asked[5]
  t.equal(guarded.stats()['tried']!.breaker, 'open')
})

t.test('after a 429 nobody calls until its time is over, and a window where it gave none', async t => {
  for (const [retryAfterSeconds, holdSeconds] of [[30, 30], [0, 1], [undefined, 62]] as const) {
    const log = memoryLog()
    const { now, pass } = clock()
    const state = answering()
    const guarded = guard({ lookup: state.lookup }, { now, log })
    state.answer = { verdict: 'unknown', reason: 'rate_limited', ...retryAfterSeconds !== undefined && { retryAfterSeconds } }
    t.equal(await ask(guarded, '192.0.2.1'), 'rate_limited')
    state.answer = knownAnswer('clean')
    pass(holdSeconds * 1000 - 1)
    t.match(await guarded.ask('192.0.2.1', { write: true }), { reason: 'rate_limited', retryAfterSeconds: Number })
    t.equal(state.calls, 1)
    pass(1)
    t.equal(await ask(guarded, '192.0.2.1'), 'clean')
    t.equal(guarded.stats()['tried']!.breaker, 'closed')
    t.same(log.lines.map(line => line.level), ['warn'])
    pass(300_000)
    t.equal(await ask(guarded, '192.0.2.1'), 'clean')
    t.same(log.lines.map(line => line.level), ['warn', 'info'], 'what comes back every minute is one state')
  }
})

t.test('a refusal of one address stops nobody, a refused account does', async t => {
  const state = answering()
  const guarded = guard({ lookup: state.lookup })
  state.answer = unknownAnswer('rejected')
  await ask(guarded, '192.0.2.1')
  await ask(guarded, '192.0.2.1')
  t.equal(state.calls, 2)
  state.answer = { verdict: 'unknown', reason: 'rejected', retryAfterSeconds: 60 }
  await ask(guarded, '192.0.2.1')
  t.equal(await ask(guarded, '192.0.2.1'), 'rejected')
  t.equal(state.calls, 3)
})

t.test('refusals of calls under way are said once, and the longest pause counts', async t => {
  const log = memoryLog()
  const { now, pass } = clock()
  const releases: ((answer: ProviderAnswer) => void)[] = []
  const guarded = guard({ lookup: () => new Promise(resolve => { releases.push(resolve) }) }, { log, now })
  const asked = Array.from({ length: 4 }, () => ask(guarded, '192.0.2.1'))
  while (releases.length < 4) await sleep(1)
  releases[0]!({ verdict: 'unknown', reason: 'rate_limited', retryAfterSeconds: 30 })
  releases[1]!({ verdict: 'unknown', reason: 'rate_limited', retryAfterSeconds: 5 })
  releases[2]!({ verdict: 'unknown', reason: 'rejected', retryAfterSeconds: 3_600, alert: 'Write to them.' })
  releases[3]!({ verdict: 'unknown', reason: 'rejected', retryAfterSeconds: 3_600, alert: 'Write to them.' })
  await Promise.all(asked)
  t.match(log.lines, [{ level: 'warn' }, { level: 'error', message: 'Write to them.' }])
  t.equal(log.lines.length, 2)
  pass(3_000_000)
  t.equal(await ask(guarded, '192.0.2.1'), 'rejected')
})

t.test('a provider that minds no signal is left at the end of its time', async t => {
  const guarded = guard({ timeoutMs: 30, lookup: () => new Promise(() => {}) })
  t.equal(await ask(guarded, '192.0.2.1'), 'timeout')
  const patient = guard({ lookup: () => new Promise(() => {}) })
  t.match(await patient.ask('192.0.2.1', { write: true, timeoutMs: 20 }), { reason: 'timeout' })
  t.match(await patient.ask('192.0.2.1', { write: true, signal: AbortSignal.abort() }), { reason: 'timeout' })
})

t.test('whatever a provider throws or returns becomes an answer, and says no secret', async t => {
  class KeyError extends Error {
    override name = 'KeyError'
    code = 'E_KEY'
  }
  const odd: [Provider['lookup'], string][] = [
    [() => { throw new KeyError('https://example.com/?key=hush') }, 'unavailable'],
    [() => Promise.reject(new KeyError('key=hush')), 'unavailable'],
    [() => Promise.reject(new TypeError('hush')), 'unavailable'],
    [() => { throw 'hush' as unknown as Error }, 'unavailable'], // eslint-disable-line no-throw-literal
    ...[undefined, null, 42, 'clean', [], {}, { verdict: 'nice' }, { verdict: 'unknown' }, { verdict: 'clean' },
      { ...knownAnswer('clean'), score: NaN }, { ...knownAnswer('clean'), score: 2 }, { ...knownAnswer('clean'), signals: null }
    ].map((answer): [Provider['lookup'], string] => [() => answer as unknown as ProviderAnswer, 'bad_response'])
  ]
  const log = memoryLog()
  for (const [lookup, reason] of odd) {
    const answer = await guard({ lookup }, { log }).ask('192.0.2.1', { write: true })
    t.match(answer, { verdict: 'unknown', reason })
    t.notMatch(JSON.stringify(answer) + log.text(), /hush/)
  }
})

t.test('no more calls are under way than a provider takes', async t => {
  const fake = fakeProvider({}, { delayMs: 20 })
  const guarded = guard({ ...fake, maxConcurrent: 3 })
  const said = await Promise.all(Array.from({ length: 10 }, (_, i) => ask(guarded, `192.0.2.${i}`)))
  t.same(said.filter(word => word === 'overloaded').length, 7)
  t.equal(await ask(guarded, '192.0.2.99'), 'clean')
  const plain = guard(fakeProvider({}, { delayMs: 20 }))
  t.equal((await Promise.all(Array.from({ length: 60 }, (_, i) => ask(plain, `192.0.2.${i}`)))).filter(word => word === 'overloaded').length, 10, '50 by default')
})

t.test('one IPv6 /64 gets ten lookups in any minute, and each has its own', async t => {
  const { now, pass } = clock()
  const guarded = guard({}, { now })
  const flood = async (prefix: string, count: number): Promise<number> => {
    let clean = 0
    for (let i = 0; i < count; i++) if (await ask(guarded, `${prefix}${i.toString(16)}`) === 'clean') clean++
    return clean
  }
  t.equal(await flood('2001:db8::', 4), 4)
  pass(30_000)
  t.equal(await flood('2001:db8::', 20), 6)
  t.equal(await flood('2001:db8:0:1::', 20), 10)
  t.equal(await flood('192.0.2.', 10), 10)
  pass(30_000)
  t.equal(await flood('2001:db8::', 20), 4, 'those of the first half minute are forgotten')
})

t.test('a family that the provider does not know is not asked about', async t => {
  const guarded = guard({ families: [4] })
  t.equal(await ask(guarded, '2001:db8::1'), 'unsupported_family')
  t.equal(await ask(guarded, '192.0.2.1'), 'clean')
  t.equal(guarded.stats()['tried']!.calls, 1)
})

t.test('a sync provider answers without a promise, whatever it does', async t => {
  const lookups: [Provider['lookup'], string][] = [
    [() => knownAnswer('clean'), 'clean'], [() => unknownAnswer('no_data'), 'no_data'], [() => { throw new Error('x') }, 'unavailable'],
    [async () => knownAnswer('clean'), 'unavailable'], [() => Promise.reject(new Error('x')), 'unavailable']
  ]
  for (const [lookup, expected] of lookups) {
    const guarded = guard({ sync: true, lookup })
    const answer = guarded.ask('192.0.2.1', { write: false })
    t.notOk(answer instanceof Promise)
    t.equal(await ask(guarded, '192.0.2.1', false), expected)
    t.match(guarded.stats()['tried'], { calls: 2, breaker: 'closed' })
  }
})

t.test('a second look goes through the guards and reaches the cache, with the name of who looked', async t => {
  const settled: [string, ProviderAnswer][] = []
  const looks = async (answers: ProviderAnswer[], more: Partial<PipelinesDeps>): Promise<void> => {
    const guarded = guard({
      lookup: (_ip, context: SettlingContext) => {
        for (const answer of answers) context.later?.(1, () => answer)
        return knownAnswer('clean')
      }
    }, more)
    await ask(guarded, '192.0.2.1')
    await sleep(20)
    await guarded.close()
  }
  await looks([knownAnswer('vpn_likely')], { settled: ip => answer => { settled.push([ip, answer]) } })
  t.match(settled, [['192.0.2.1', { verdict: 'vpn_likely', provider: 'tried' }]])
  t.equal(settled.length, 1, 'not knowing replaces nothing')
  await looks([knownAnswer('vpn_likely')], {})
  t.equal(settled.length, 1)
  await looks([knownAnswer('clean', { provider: 'member' })], { settled: ip => answer => { settled.push([ip, answer]) } })
  t.match(settled[1], ['192.0.2.1', { provider: 'member' }])

  const closed = guard({ lookup: (_ip, context: SettlingContext) => { context.later?.(5, () => knownAnswer('clean')); return knownAnswer('clean') } }, {
    settled: ip => answer => { settled.push([ip, answer]) }
  })
  for (let i = 0; i < 1_100; i++) await ask(closed, `192.0.2.${i % 256}`)
  await closed.close()
  await sleep(10)
  t.equal(settled.length, 2, 'nobody looks after the end')
})
