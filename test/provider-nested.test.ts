import t from 'tap'
import { consensus, escalate } from '../lib/providers/composite/index.ts'
import { createPipelines } from '../lib/resilience/index.ts'
import { fakeProvider } from '../lib/testing/index.ts'
import { knownAnswer } from '../lib/verdict/index.ts'
import type { AskMemberOptions, Provider } from '../types/contract.ts'
import { testEngine } from './support/engine.ts'
import { ask, bareContext } from './support/guard.ts'
import { memoryLog } from './support/log.ts'

const ip = '203.0.113.5'

t.test('an expensive provider that hangs leaves the cheap answer, within the time of a request', async t => {
  const hanging: Provider = { name: 'expensive', lookup: () => new Promise(() => {}) }
  const cheap: Provider = { name: 'cheap', sync: true, lookup: () => knownAnswer('suspicious') }
  const pipelines = createPipelines(escalate(cheap, hanging, { attemptTimeoutMs: 30 }), { log: memoryLog() })
  t.match(await pipelines.ask(ip, { write: true }), { verdict: 'suspicious', provider: 'cheap' })
  await pipelines.close()
  const given: (AskMemberOptions | undefined)[] = []
  const context = bareContext({
    ask (member, _ip, options) {
      given.push(options)
      return knownAnswer(member === cheap ? 'suspicious' : 'clean')
    }
  })
  await escalate(cheap, hanging).lookup(ip, context)
  const { timeoutMs = 0 } = given[1] ?? {}
  t.ok(timeoutMs >= 1_000 && timeoutMs <= 4_500, `less than the 5,000 of a request: ${timeoutMs}`)
  t.throws(() => escalate(cheap, hanging, { attemptTimeoutMs: 0 }), { message: /escalate\.attemptTimeoutMs/ })
})

t.test('an escalation inside the cheap side does not pass for one of the composite around', async t => {
  const [first, second, third] = [
    fakeProvider({}, { name: 'first', otherwise: 'suspicious' }), fakeProvider({}, { name: 'second', otherwise: 'suspicious' }),
    fakeProvider({}, { name: 'third', otherwise: 'vpn_detected' })
  ] as const
  const { ask } = await testEngine(t, { provider: escalate(escalate(first, second), third, { writesOnly: true }) })
  t.match(await ask(ip), { answer: { verdict: 'suspicious' }, provider: 'second' })
  t.match(await ask(ip, 'wait', { write: true }), { answer: { verdict: 'vpn_detected' }, provider: 'third' })
  t.match(await ask(ip, 'wait', { write: true }), { answer: { verdict: 'vpn_detected' }, cache: 'memory' })
  t.equal(third.asked.length, 1)
})

t.test('an answer of too little confidence does not end the wait of a consensus', async t => {
  const doubtful: Provider = { name: 'doubtful', lookup: () => knownAnswer('clean', { confidence: 0.1 }) }
  const sure: Provider = { name: 'sure', lookup: () => knownAnswer('vpn_detected') }
  const late = fakeProvider({}, { name: 'late', otherwise: 'vpn_detected', delayMs: 1_300 })
  const members = [doubtful, sure, late]
  const pipelines = createPipelines(consensus(members, { quorum: 2, minConfidence: { doubtful: 0.5 } }), { log: memoryLog() })
  t.equal(await ask(pipelines, ip), 'vpn_detected')
  await pipelines.close()
})
