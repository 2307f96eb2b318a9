import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import t from 'tap'
import { startChild } from './soak/child.ts'
import type { Survivor } from './soak/claims.ts'
import { breakDuring, type Phase, phases } from './soak/faults.ts'
import type { Fleet } from './soak/fleet.ts'
import { healed } from './soak/healed.ts'
import { type MeasuredPhase, reportOf, type SoakResult } from './soak/report.ts'
import type { ServerSample } from './soak/server.ts'
import { createTraffic, type Felt, nothingFelt } from './soak/traffic.ts'
import { trueReply, truthOf } from './soak/truth.ts'

const sample: ServerSample = {
  memory: { rss: 90_000_000, heap: 20_000_000, unused: 10_000_000, native: 20_000_000, files: 40_000_000 },
  handles: { Timeout: 20 },
  loopDelayMs: [12, 20]
}
const felt: Felt = { ...nothingFelt(), sent: 1000, ideal: 50, admitted: 940, refused: 60, reset: { early: 3, late: 7 } }
const nothingSeen = { pastRefusal: 0, falseVerdict: 0, failedOpen: 0, unknown: 0 }
const whole: MeasuredPhase = {
  phase: { name: 'nothing broken', share: 1 }, felt, seen: nothingSeen, effect: undefined, calls: 50, loopDelayMs: [12, 20]
}
const frozen: Phase = { name: 'Redis frozen', share: 1 }
const cold: Phase = { name: 'first requests', share: 1, cold: true }
const faulty: MeasuredPhase = { ...whole, phase: frozen, effect: { proven: true, seen: '2 of 2 did not answer' } }
const survivor: Survivor = { start: sample, warm: sample, middle: sample, end: sample }
const good: SoakResult = { processes: 4, perSecond: 100, seconds: 20, phases: [whole, faulty], survivors: [survivor] }

t.test('a soak in which everything holds passes', async t => {
  const { text, passed } = reportOf(good)
  t.equal(passed, true)
  t.notMatch(text, /BROKEN/)
  t.match(text, '2,000 requests in 20 s, 100 a second')
  t.match(text, 'holds: 2,000 requests sent, 2,000 answered, 0 without an answer')
  t.match(text, 'holds: "Redis frozen" took effect: 2 of 2 did not answer')
})

t.test('one fault of any kind is named, and fails the soak', async t => {
  const with2nd = (changed: Partial<MeasuredPhase>): SoakResult => ({ ...good, phases: [whole, { ...faulty, ...changed }] })
  const seen = (changed: Partial<MeasuredPhase['seen']>): SoakResult => with2nd({ seen: { ...nothingSeen, ...changed } })
  const felled = (changed: Partial<Felt>, more: Partial<MeasuredPhase> = {}): SoakResult =>
    with2nd({ felt: { ...felt, ...changed }, ...more })
  const aged = (changed: Partial<ServerSample>, before: Partial<Survivor> = {}): SoakResult => ({
    ...good, survivors: [survivor, { ...survivor, ...before, end: { ...sample, ...changed } }]
  })
  const small = { ...sample, memory: { ...sample.memory, heap: 18_000_000 } }
  const faults: readonly [SoakResult, RegExp][] = [
    [seen({ pastRefusal: 1 }), /BROKEN: 1 handlers ran past a refusal/],
    [seen({ falseVerdict: 1 }), /BROKEN: 1 false verdicts, 0 visitors wrongly blocked/],
    [felled({ admitted: 939, wronglyBlocked: 1 }), /BROKEN: 0 false verdicts, 1 visitors wrongly blocked/],
    [felled({ admitted: 939, otherStatuses: new Map([[502, 1]]) }), /BROKEN: .* 200 and 403; 1 × 502 in "Redis frozen"/],
    [felled({ admitted: 939, lost: new Map([['ECONNRESET', 1]]) }), /BROKEN: .* 1 without an answer; 1 × ECONNRESET in "Redis frozen"/],
    [felled({ admitted: 939 }), /BROKEN: 2,000 requests sent, 1,999 answered, 0 without an answer; not all in "Redis frozen"/],
    [felled({ unreachable: 1 }), /BROKEN: .* 1 found a process that was killed, some in "Redis frozen"/],
    [{ ...good, phases: [{ ...whole, felt: { ...felt, reset: { early: 0, late: 9 } } }] }, /BROKEN: 9 more reset .* 0 of them before/],
    [felled({ admitted: 0, refused: 1000 }), /BROKEN: in every phase.* not in "Redis frozen"/],
    [felled({ admitted: 1000, refused: 0 }), /BROKEN: in every phase.* not in "Redis frozen"/],
    [felled({ admitted: 938, letThrough: 2 }, { seen: { ...nothingSeen, failedOpen: 1 } }), /BROKEN: of payments.*; 2 in "Redis frozen"/],
    [felled({ admitted: 939, letThrough: 1 }, { seen: { ...nothingSeen, failedOpen: 1 }, effect: undefined }),
      /BROKEN: of payments.* 1 let through/],
    [with2nd({ felt: { ...felt, admitted: 939, letThrough: 1 }, seen: { ...nothingSeen, failedOpen: 1 }, effect: undefined, phase: cold }),
      /BROKEN: of payments.*; 1 in "first requests"/],
    [felled({ admitted: 939, letThrough: 1 }, { seen: { ...nothingSeen, failedOpen: 1 } }), /BROKEN: of payments.*; 1 in "Redis frozen"/],
    [with2nd({ effect: { proven: false, seen: '0 of 2 did not answer' } }), /BROKEN: "Redis frozen" took effect: 0 of 2 did not answer/],
    [{ ...good, phases: [{ ...whole, calls: 53 }, faulty] }, /BROKEN: before the first fault, 53 provider calls, .* 50 .*; more in "nothing broken"/],
    [{ ...good, phases: [{ ...whole, calls: 0 }, faulty] }, /BROKEN: before the first fault, 0 provider calls/],
    [aged({ memory: { ...sample.memory, heap: 22_000_000 } }), /BROKEN: heap: 10\.0 %/],
    [aged({}, { middle: small }), /BROKEN: heap: 0\.0 % from the warm-up to the end, 11\.1 %/],
    [aged({ memory: { ...sample.memory, rss: 95_000_000, native: 25_000_000 } }), /BROKEN: resident memory without .*: 6\.3 %/],
    [aged({ handles: { Timeout: 20, TCPSocketWrap: 2 } }), /BROKEN: handles: 10\.0 %/]
  ]
  t.equal(reportOf({ ...good, phases: [whole, { ...faulty, calls: 200 }] }).passed, true, 'a fault costs calls')
  for (const [result, expected] of faults) {
    const { text, passed } = reportOf(result)
    t.equal(passed, false)
    t.match(text, expected)
    t.equal(text.match(/BROKEN/g)?.length, 1, text)
  }
})

t.test('while the provider is broken any payment may be let through, and while something else is, 1 % of those to block', async t => {
  const [openEnded, busy] = [{ ...felt, admitted: 880, letThrough: 60 }, { ...felt, admitted: 839, refused: 160, letThrough: 1 }]
  for (const [phase, felt] of [[{ ...frozen, breaksProvider: true }, openEnded], [frozen, busy]] as const) {
    const seen = { ...nothingSeen, failedOpen: felt.letThrough }
    const { passed, text } = reportOf({ ...good, phases: [whole, { ...faulty, phase, felt, seen }] })
    t.equal(passed, true, text)
  }
  const named = phases.filter(({ breaksProvider }) => breaksProvider === true).map(({ name }) => name)
  t.strictSame(named, ['provider slow', 'provider failing', 'provider lying'])
})

t.test('a fleet that gives everybody the same answer fails the soak', async t => {
  for (const [status, expected] of [[404, /BROKEN: .* × 404/], [403, /visitors wrongly blocked/], [200, /BROKEN: of payments/]] as const) {
    const server = createServer((_request, response) => response.writeHead(status).end())
    const port = await new Promise<number>(resolve => server.listen(0, '127.0.0.1', () => resolve((server.address() as AddressInfo).port)))
    const traffic = createTraffic({ origin: `http://127.0.0.1:${port}`, ports: [port], perSecond: 10_000, ttlMs: 300_000 })
    const felt = await traffic.send(400)
    await traffic.close()
    server.closeAllConnections()
    await new Promise(resolve => server.close(resolve))
    const { text, passed } = reportOf({ ...good, phases: [{ ...whole, felt }] })
    t.equal(passed, false)
    t.match(text, /400 requests sent, 400 answered/)
    t.match(text, expected)
  }
})

t.test('a fleet that does not heal, and a fault that does not end, fail the soak in a bounded time', async t => {
  const never = new Promise<never>(() => {})
  const fleet = { master: () => never } as unknown as Fleet
  await t.rejects(healed(fleet, 50), { message: /the fleet did not heal within 0\.05 s: .*Redis, Sentinel or a process does not answer/ })
  const failing: Phase = { ...frozen, breaks: async () => { throw new Error('no such process') } }
  await t.rejects(breakDuring(failing, fleet, 10), { message: 'soak: "Redis frozen": no such process' })
})

t.test('a provider that stays right is no fault', async t => {
  const provider = { ask: async () => ({ calls: 0, answers: { right: 99, slow: 5, failing: 5, lying: 5 } }) }
  for (const mode of ['slow', 'failing', 'lying']) {
    const { breaks } = phases.find(({ name }) => name === `provider ${mode}`)!
    t.strictSame(await breaks!({ provider, servers: [{}, {}] } as unknown as Fleet, 10), { proven: false, seen: `0 answers were ${mode} (at least 10)` })
  }
})

t.test('what a process reports just before it is killed is counted', async t => {
  for (let i = 0; i < 2; i++) {
    const violations: unknown[] = []
    const child = await startChild<'ready', 'die', never>('../support/violator.ts', [], event => violations.push(event))
    await t.rejects(child.ask('die'), /ended with SIGKILL/)
    await child.kill()
    t.same(violations, ['falseVerdict', 'pastRefusal'])
  }
})

t.test('the truth about an address does not change, and every verdict is true of some', async t => {
  const truths = new Set(Array.from({ length: 200 }, (_, i) => truthOf(`203.0.113.${i}`)))
  t.strictSame([...truths].sort(), ['clean', 'suspicious', 'vpn_detected', 'vpn_likely'])
  t.equal(trueReply('203.0.113.7')['verdict'], truthOf('203.0.113.7'))
})
