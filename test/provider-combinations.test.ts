import t from 'tap'
import type { CompositeProvider } from '../types/contract.ts'
import type { Provider, ProviderAnswer } from '../types/contract.ts'
import { createPipelines, type ProviderPipelines } from '../lib/resilience/pipelines.ts'
import { consensus } from '../lib/providers/composite/consensus.ts'
import { fallback } from '../lib/providers/composite/fallback.ts'
import { fakeProvider, type FakeAnswer } from '../lib/testing/index.ts'
import { knownAnswer, unknownAnswer } from '../lib/verdict/verdict.ts'
import { ask, collect } from './support/guard.ts'
import { memoryLog } from './support/log.ts'

const ip = '192.0.2.1'
const saying = (name: string, answer: FakeAnswer): Provider => fakeProvider({}, { name, otherwise: answer })
const embedded = (name: string, answer: ProviderAnswer): Provider => ({ name, sync: true, lookup: () => answer })
const silent = (name: string, more: Partial<Provider> = {}): Provider => ({ name, lookup: () => new Promise(() => {}), ...more })

function guard (provider: Provider): ProviderPipelines {
  const guarded = createPipelines(provider, { log: memoryLog() })
  t.teardown(() => guarded.close())
  return guarded
}
const answerOf = async (provider: Provider): Promise<ProviderAnswer> => await guard(provider).ask(ip, { write: true })

t.test('fallback asks the next when one knows nothing, and says who knew', async t => {
  const third = saying('c', 'vpn_detected')
  t.match(await answerOf(fallback(saying('a', 'timeout'), saying('b', 'suspicious'), third)), { verdict: 'suspicious', provider: 'b' })
  t.match(await answerOf(fallback(saying('a', 'clean'), third)), { verdict: 'clean', provider: 'a' })
  t.same(await answerOf(fallback(saying('a', 'timeout'), saying('b', 'rate_limited'))), {
    verdict: 'unknown', reason: 'rate_limited', cause: 'a timeout, b rate_limited'
  })
  t.equal((third as { asked?: string[] }).asked!.length, 0)
})

t.test('fallback gives each but the last a short time', async t => {
  const provider = fallback(silent('slow', { timeoutMs: 8_000 }), saying('quick', 'clean'), { attemptTimeoutMs: 30 })
  t.equal(provider.timeoutMs, 30 + 5_000)
  const guarded = guard(provider)
  t.match(await guarded.ask(ip, { write: true }), { verdict: 'clean', provider: 'quick' })
  t.match(guarded.stats(), { slow: { calls: 1, failures: 1 }, quick: { calls: 1, failures: 0 } })
  t.equal(fallback(silent('a'), silent('b', { timeoutMs: 8_000 })).timeoutMs, 2_000 + 8_000)
})

t.test('each member has its own breaker, so a dead one costs nothing', async t => {
  const guarded = guard(fallback(saying('dead', 'unavailable'), saying('well', 'clean')))
  for (let i = 0; i < 8; i++) t.equal(await ask(guarded, ip), 'clean')
  t.match(guarded.stats(), { dead: { calls: 5, breaker: 'open' }, well: { calls: 8, breaker: 'closed' } })
})

t.test('consensus gives the median, ties to the milder, and unknown below the quorum', async t => {
  const of = async (answers: FakeAnswer[], quorum?: number): Promise<ProviderAnswer> =>
    await answerOf(consensus(answers.map((answer, i) => saying(`p${i}`, answer)), quorum === undefined ? {} : { quorum }))
  t.match(await of(['clean', 'vpn_detected', 'suspicious']), { verdict: 'suspicious', isVpn: false })
  t.match(await of(['clean', 'vpn_detected']), { verdict: 'clean' })
  t.match(await of(['vpn_likely', 'vpn_detected', 'suspicious', 'vpn_detected']), { verdict: 'vpn_likely', isVpn: true })
  t.match(await of(['timeout', 'vpn_detected', 'vpn_detected']), { verdict: 'vpn_detected' })
  t.match(await of(['timeout', 'vpn_detected', 'unavailable']), {
    verdict: 'unknown', reason: 'timeout', cause: '1 of 2 answers: p0 timeout, p1 vpn_detected, p2 unavailable'
  })
  t.match(await of(['timeout', 'vpn_detected', 'unavailable'], 1), { verdict: 'vpn_detected' })
})

t.test('consensus keeps who said what, and the facts of all', async t => {
  const answer = await answerOf(consensus([
    saying('a', knownAnswer('vpn_detected', { score: 0.9, confidence: 0.6, categories: ['vpn'], info: { asn: 'AS1' }, signals: [{ type: 'x', weight: 1, detail: '' }] })),
    saying('b', knownAnswer('vpn_detected', { score: 0.8, confidence: 0.9, categories: ['hosting'], info: { asn: 'AS2', city: 'Bern' } })),
    saying('c', knownAnswer('clean', { categories: ['crawler'] }))
  ]))
  t.same(answer, {
    verdict: 'vpn_detected',
    score: 0.8,
    isVpn: true,
    confidence: 0.9,
    signals: [
      { type: 'said_vpn_detected', weight: 0.9, detail: 'a' }, { type: 'said_vpn_detected', weight: 0.8, detail: 'b' }, { type: 'said_clean', weight: 0, detail: 'c' },
      { type: 'x', weight: 1, detail: '' }
    ],
    info: { asn: 'AS1', city: 'Bern' },
    categories: ['vpn', 'hosting'],
    provider: 'consensus(2:a,b,c)'
  })
})

t.test('consensus does not wait for ever for who is not needed', async t => {
  t.match(await answerOf(consensus([silent('slow'), saying('a', 'clean'), saying('b', 'clean')])), { verdict: 'clean' })
})

t.test('they nest, and every member is guarded and counted for itself', async t => {
  const nested = fallback(
    consensus([saying('a', 'timeout'), fallback(saying('b', 'timeout'), saying('c', 'vpn_likely'))], { quorum: 2 }),
    fallback(saying('d', 'unavailable'), saying('e', 'suspicious'))
  )
  const guarded = guard(nested)
  t.match(await guarded.ask(ip, { write: false }), { verdict: 'suspicious', provider: 'e' })
  t.same(Object.keys(guarded.stats()).sort(), ['a', 'b', 'c', 'd', 'e'])
  t.same(nested.names, ['consensus(2:a,fallback(b,c))', 'd', 'e'])
  const both = await answerOf(consensus([saying('a', 'clean'), fallback(saying('b', 'timeout'), saying('c', 'vpn_likely'))]))
  t.match(both, { signals: [{ detail: 'a' }, { detail: 'c' }] })
})

t.test('of embedded providers alone they answer at once', async t => {
  const none = embedded('a', unknownAnswer('no_data'))
  const some = embedded('b', knownAnswer('vpn_detected'))
  for (const provider of [fallback(none, some), consensus([none, some, some].map((member, i) => ({ ...member, name: `m${i}` })))]) {
    t.equal(provider.sync, true)
    const answer = guard(provider).ask(ip, { write: false })
    t.match(answer, { verdict: 'vpn_detected' })
  }
  const mixed = fallback(none, saying('remote', 'clean'))
  t.equal(mixed.sync, false)
  t.match(await answerOf(mixed), { verdict: 'clean', provider: 'remote' })
})

t.test('a combination of one\'s own is an ordinary provider', async t => {
  const [a, b] = [saying('a', 'clean'), saying('b', 'vpn_detected')]
  const closed: string[] = []
  const strictest: CompositeProvider = {
    name: 'strictest',
    members: [a, { ...b, close: () => { closed.push('b') } }],
    async lookup (ip, context) {
      const answers = await Promise.all(this.members.map(member => context.ask(member, ip, { timeoutMs: 1_000 })))
      return answers.find(answer => answer.verdict === 'vpn_detected') ?? answers[0]!
    },
    close: () => { closed.push('strictest') }
  }
  const guarded = createPipelines(strictest, { log: memoryLog() })
  t.equal(await ask(guarded, ip), 'vpn_detected')
  t.match(guarded.stats(), { a: { calls: 1 }, b: { calls: 1 } })
  await guarded.close()
  t.same(closed.sort(), ['b', 'strictest'])

  t.same(fallback(strictest, saying('z', 'clean')).names, ['strictest', 'z'])

  const guardComposite = (provider: CompositeProvider): ProviderPipelines => guard(provider)
  const broken = guardComposite({ name: 'broken', members: [a], lookup: () => { throw new Error('x') }, async * bulk () { throw new Error('x') } })
  t.equal(await ask(broken, ip), 'unavailable')
  t.same((await collect(broken.bulk([ip], { write: false }))), [[ip, { verdict: 'unknown', reason: 'unavailable', cause: 'Error' }]])
  const slow = guardComposite({ name: 'slow', members: [a], timeoutMs: 20, lookup: () => new Promise(() => {}) })
  t.equal(await ask(slow, ip), 'timeout')
  t.match(await slow.ask(ip, { write: false, signal: AbortSignal.abort() }), { reason: 'timeout' })
})

t.test('bulk goes through a fallback member by member, and through others one by one', async t => {
  const ips = Array.from({ length: 20 }, (_, i) => `192.0.2.${i}`)
  const first = fakeProvider(Object.fromEntries(ips.slice(0, 15).map(ip => [ip, 'clean'])), { name: 'a', otherwise: 'no_data' })
  const second = fakeProvider({ '192.0.2.19': 'timeout' }, { name: 'b', otherwise: 'vpn_detected' })
  const rows = new Map(await collect(guard(fallback(first, second)).bulk(ips, { write: false })))
  t.equal(rows.size, 20)
  t.match(rows.get('192.0.2.3'), { verdict: 'clean', provider: 'a' })
  t.match(rows.get('192.0.2.16'), { verdict: 'vpn_detected', provider: 'b' })
  t.match(rows.get('192.0.2.19'), { verdict: 'unknown' })
  t.equal(second.asked.length, 5)
  const poor = { ...saying('poor', 'suspicious'), limits: { perMinute: 10 } }
  const quick = await collect(guard(fallback(poor, saying('rich', 'clean'))).bulk(ips, { write: false }))
  t.equal(quick.filter(([, answer]) => answer.verdict === 'suspicious').length, 5, 'as many as its budget has room for')
  t.equal(quick.filter(([, answer]) => answer.verdict === 'clean').length, 15, 'the others do not wait for more room')
  const agreed = await collect(guard(consensus([saying('c', 'clean'), saying('d', 'clean')])).bulk(ips, { write: false }))
  t.equal(agreed.filter(([, answer]) => answer.verdict === 'clean').length, 20)
  const ended = await collect(guard(consensus([saying('c', 'clean')])).bulk(ips, { write: false, signal: AbortSignal.abort() }))
  t.ok(ended.every(([, answer]) => answer.verdict === 'unknown'))
  const lists = await collect(guard(embedded('l', knownAnswer('clean'))).bulk(ips, { write: false }))
  t.equal(lists.length, 20)
})

t.test('what cannot be put together is refused at start', async t => {
  const a = saying('a', 'clean')
  for (const wrong of [
    () => fallback(), () => fallback({}), () => fallback(a, {}, a), () => fallback(a, { attemptTimeoutMs: 0 }),
    () => fallback(a, { quorum: 1 } as object), () => consensus([]), () => consensus('a' as unknown as Provider[]),
    () => consensus([a, {} as Provider]), () => consensus([a], { quorum: 2 }),
    () => guard(fallback(a, saying('a', 'clean')))
  ]) t.throws(wrong, { code: 'FST_IP_RISK_BAD_OPTION' }, String(wrong))
  t.ok(guard(fallback(a, consensus([a]))), 'the same provider may stand twice')
})
