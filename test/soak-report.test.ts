import { createHistogram } from 'node:perf_hooks'
import t from 'tap'
import { startChild } from './soak/child.ts'
import { reportOf, type SoakResult } from './soak/report.ts'
import type { ServerSample } from './soak/server.ts'
import type { Felt } from './soak/traffic.ts'
import { trueReply, truthOf } from './soak/truth.ts'

const sample: ServerSample = {
  failedOpen: 0,
  unknown: 0,
  memory: { rss: 90_000_000, heap: 20_000_000, unused: 10_000_000, native: 20_000_000, files: 40_000_000 },
  handles: { Timeout: 20 },
  loopDelayMs: [12, 20]
}
const felt: Felt = { answered: 1000, lost: 0, serverErrors: 0, wronglyBlocked: 0, ideal: 50, latency: createHistogram() }
const phase = { name: 'nothing broken', felt, calls: 50, loopDelayMs: [12, 20] as const, unknown: 0 }
const good: SoakResult = {
  processes: 4,
  perSecond: 100,
  seconds: 10,
  phases: [phase],
  violations: [],
  unseenMs: [1, 4],
  failedOpen: 3,
  survivors: [{ start: sample, warm: sample, middle: sample, end: sample }]
}

t.test('a soak without a fault passes', async t => {
  const { text, passed } = reportOf(good)
  t.equal(passed, true)
  t.notMatch(text, /BROKEN/)
  t.match(text, '1,000 requests in 10 s, 100 a second')
  t.match(text, /What else it counted is missing for 4 ms at most/)
})

t.test('one fault of any kind is named, and fails the soak', async t => {
  const felled = (changed: Partial<Felt>): SoakResult => ({ ...good, phases: [phase, { ...phase, felt: { ...felt, ...changed } }] })
  const aged = (changed: Partial<ServerSample>): SoakResult => ({
    ...good, survivors: [...good.survivors, { start: sample, warm: sample, middle: sample, end: { ...sample, ...changed } }]
  })
  const faults: readonly [SoakResult, RegExp][] = [
    [{ ...good, violations: [{ kind: 'pastRefusal', ip: '203.0.113.1' }] }, /BROKEN: 1 handlers ran past a refusal/],
    [{ ...good, violations: [{ kind: 'falseVerdict', ip: '203.0.113.1' }] }, /BROKEN: 1 false verdicts, 0 visitors wrongly blocked/],
    [felled({ wronglyBlocked: 1 }), /BROKEN: 0 false verdicts, 1 visitors wrongly blocked/],
    [felled({ serverErrors: 1 }), /BROKEN: 1 responses 5xx/],
    [felled({ lost: 1 }), /BROKEN: 1 requests without an answer/],
    [aged({ memory: { ...sample.memory, heap: 22_000_000 } }), /BROKEN: heap after warm-up: 10\.0 %/],
    [aged({ memory: { ...sample.memory, rss: 95_000_000, native: 25_000_000 } }), /BROKEN: resident memory without .* after warm-up: 6\.3 %/],
    [aged({ handles: { Timeout: 20, TCPSocketWrap: 2 } }), /BROKEN: handles after warm-up: 10 %/]
  ]
  for (const [result, expected] of faults) {
    const { text, passed } = reportOf(result)
    t.equal(passed, false)
    t.match(text, expected)
    t.equal(text.match(/BROKEN/g)?.length, 1)
  }
})

t.test('what a process reports just before it is killed is counted', async t => {
  for (let i = 0; i < 2; i++) {
    const violations: unknown[] = []
    const child = await startChild<'ready', 'die', never>('../support/violator.ts', [], event => violations.push(event))
    await t.rejects(child.ask('die'), /ended with SIGKILL/)
    await child.kill()
    t.same(violations, [{ kind: 'falseVerdict', ip: '203.0.113.1' }, { kind: 'pastRefusal', ip: '203.0.113.2' }])
  }
})

t.test('the truth about an address does not change, and every verdict is true of some', async t => {
  const truths = new Set(Array.from({ length: 200 }, (_, i) => truthOf(`203.0.113.${i}`)))
  t.strictSame([...truths].sort(), ['clean', 'suspicious', 'vpn_detected', 'vpn_likely'])
  t.equal(trueReply('203.0.113.7')['verdict'], truthOf('203.0.113.7'))
})
