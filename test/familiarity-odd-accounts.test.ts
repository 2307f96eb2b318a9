import fastify, { type FastifyInstance } from 'fastify'
import t from 'tap'
import ipRisk from '../lib/index.ts'
import type { FamiliarityOptions } from '../types/contract.ts'
import { pinoLog } from './support/log.ts'
import { answer, tableProvider } from './support/table-provider.ts'

const vpn = '203.0.113.2'

/** An application whose functions may return anything, and what two payments get: the first teaches, by its step-up. */
async function twice (t: { teardown (close: () => unknown): unknown }, familiarity: { account?: unknown, device?: unknown }) {
  const { lines, logger } = pinoLog('error')
  const app: FastifyInstance = fastify({ logger })
  t.teardown(() => app.close())
  await app.register(ipRisk, {
    provider: tableProvider({ [vpn]: answer('vpn_likely') }),
    timeoutMs: 50,
    stepUp: { isSatisfied: () => true },
    familiarity: { account: () => 'ada', device: () => 'laptop', ...familiarity } as FamiliarityOptions<unknown>
  })
  app.post('/payment', { config: { ipRisk: 'payment' } }, async request => ({ familiarity: request.ipRisk!.familiarity }))
  app.post('/trust', { config: { ipRisk: 'signup' } }, async request => { await app.ipRisk.trust(request) })
  const post = async (url = '/payment') => await app.inject({ method: 'POST', url, remoteAddress: vpn })
  const replies = [(await post()).json().familiarity, (await post()).json().familiarity]
  return { replies, lines, post }
}

class ObjectId { toString (): string { return '507f1f77bcf86cd799439011' } }

t.test('what is no id names nobody, and that is logged once, without the value', async t => {
  const odd = [new ObjectId(), ['ada'], Symbol('ada'), true, () => 'ada', NaN, Infinity, 1.5, 2 ** 53]
  for (const id of odd) {
    for (const account of typeof id === 'number' ? [() => id] : [() => id, async () => id]) {
      const { replies, lines } = await twice(t, { account })
      t.same(replies, ['unknown', 'unknown'], typeof id)
      t.equal(lines.length, 1)
      t.equal(lines[0]!.code, 'IP_RISK_FAMILIARITY_FAILED')
      t.match(lines[0]!.err.message, `account returned a value of type ${typeof id}`)
      t.notMatch(JSON.stringify(lines[0]), /507f1f77|9007199254740992/)
    }
  }
})

t.test('an id may be a bigint, a number, or a very long text', async t => {
  for (const id of [2n ** 64n, 7, 'a'.repeat(100_000)]) t.same((await twice(t, { account: () => id })).replies, ['first', 'known'])
  const { replies, lines } = await twice(t, { account: () => null })
  t.same(replies, ['unknown', 'unknown'])
  t.same(lines, [], 'nobody is logged in')
})

t.test('a request does not wait longer than its time limit for an account', async t => {
  const never = new Promise<never>(() => {})
  for (const account of [() => never, () => ({ then () {} })]) {
    const { replies, lines, post } = await twice(t, { account })
    t.same(replies, ['unknown', 'unknown'])
    t.match(JSON.stringify(lines), 'no account within 50 ms')
    t.equal((await post('/trust')).statusCode, 200, 'trust() learns nothing')
  }
})

t.test('a device that is a promise, rejected or not, ends neither the process nor the request', async t => {
  for (const device of [async () => 'laptop', async () => { throw new Error('broken') }, () => ({}), () => 7]) {
    const { replies, lines } = await twice(t, { device })
    t.same(replies, ['unknown', 'unknown'])
    t.match(JSON.stringify(lines), 'device returned a value of type')
  }
  for (const device of [() => null, () => undefined, () => '']) t.same((await twice(t, { device })).replies, ['first', 'similar'])
})
