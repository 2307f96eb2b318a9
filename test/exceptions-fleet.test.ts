import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import express from 'express'
import fastify from 'fastify'
import t, { type Test } from 'tap'
import { createIpRisk } from '../lib/index.ts'
import { ipRisk as expressIpRisk } from '../lib/frameworks/express.ts'
import ipRisk from '../lib/index.ts'
import type { IpRiskApi } from '../types/api.ts'
import type { ExceptionRecord } from '../types/contract.ts'
import { until } from './support/until.ts'
import { memoryLog, type MemoryLog } from './support/log.ts'
import { emptied, startRedis } from './support/redis.ts'
import { answer, tableProvider } from './support/table-provider.ts'

const keySecret = 'a secret of some length'
const redis = await startRedis()
t.teardown(() => redis.stop())
t.beforeEach(emptied(redis))
const provider = () => tableProvider({ '203.0.113.9': answer('vpn_detected'), '203.0.113.10': answer('vpn_detected') })

async function member (t: Test, cache: object = { keySecret }): Promise<IpRiskApi & { readonly log: MemoryLog, close (): Promise<void> }> {
  const log = memoryLog()
  const api = createIpRisk({ provider: provider(), redis: redis.url, cache: { redisTimeoutMs: 2000, ...cache }, log })
  t.teardown(() => api.close())
  await api.ready()
  return Object.assign(api, { log })
}
const decided = async (api: IpRiskApi, ip: string): Promise<string> => (await api.lookup(ip)).decidedBy

t.test('an exception for a network counts in every process, also in later ones, is listed with its reason and author, and is revoked', async t => {
  for (const cache of [{ keySecret }, {}]) {
    const [here, there] = [await member(t, cache), await member(t, cache)]
    const made = await here.allow('203.0.113.77/24', { ttlSeconds: 600, reason: 'office of a customer', author: 'ada' })
    t.match(made, { effect: 'allow', network: '203.0.113.0/24', reason: 'office of a customer', author: 'ada' })
    t.equal(Date.parse(made.until) - Date.parse(made.since), 600_000)
    await here.deny('198.51.100.7', { reason: 'abuse', author: 'bob' })
    await here.deny('2001:db8::/32')
    await until(async () => await decided(there, '2001:db8:1::1') === 'temporary_deny')
    const late = await member(t, cache)
    const listed = async (api: IpRiskApi) => (await api.exceptions()).map(({ until, ...rest }) => rest)
    t.same(await listed(late), await listed(here))
    t.match(await late.exceptions(), [
      { effect: 'allow', network: '203.0.113.0/24', reason: 'office of a customer', author: 'ada' },
      { effect: 'deny', network: '198.51.100.7', reason: 'abuse', author: 'bob' }, { effect: 'deny', network: '2001:db8::/32', reason: null, author: null }
    ])
    for (const api of [here, there, late]) {
      t.match(await api.lookup('203.0.113.9'), { decision: 'allow', decidedBy: 'temporary_allow', reason: 'listed' })
      t.match(await api.lookup('198.51.100.7'), { decision: 'block', decidedBy: 'temporary_deny', reason: 'listed' })
    }
    t.equal(await late.revoke('203.0.113.0/24', { reason: 'moved', author: 'bob' }), true)
    t.equal(await late.revoke('198.51.100.7'), true)
    t.equal(await late.revoke('192.0.2.0/24'), false)
    for (const api of [here, there]) await until(async () => (await api.exceptions()).length === 1)
    t.equal(await decided(there, '203.0.113.9'), 'policy')
    for (const api of [here, there, late]) await api.close()
    await redis.client.flushall()
  }
})

t.test('with keySecret Redis shows neither address, reason nor author, and what is changed, moved or repeated allows nobody', async t => {
  const [here, there] = [await member(t), await member(t)]
  const sent: string[] = []
  const spy = redis.client.duplicate()
  t.teardown(() => spy.disconnect())
  await spy.psubscribe('*broadcasts*')
  spy.on('pmessage', (_pattern, _channel, text: string) => sent.push(text))
  await here.allow('203.0.113.0/24', { reason: 'office of a customer', author: 'ada@example.com' })
  await here.deny('198.51.100.7')
  await until(() => sent.length === 2)
  const statements = 'ip-risk:{broadcasts}:statements:'
  const stored = await redis.client.hgetall(statements)
  const seen = JSON.stringify([stored, sent, await redis.client.keys('*'), await redis.client.zrange('ip-risk:{broadcasts}:allowed:', '0', '-1')])
  for (const text of ['203.0.113', '198.51.100', 'office', 'ada@example', 'deny']) {
    for (const how of ['utf8', 'hex', 'base64', 'base64url'] as const) {
      // The last character of an encoding also depends on what follows. Three characters would occur by chance.
      const form = how === 'utf8' ? text : Buffer.from(text).toString(how).replace(/=+$/, '').slice(0, -1)
      t.notOk(seen.includes(form), `${text} ${how}`)
    }
  }
  const [allowText, denyText] = sent as [string, string]
  await there.revoke('203.0.113.0/24')
  await until(async () => await decided(here, '203.0.113.9') === 'policy')
  const fields = allowText.split('\n')
  const other = denyText.split('\n')
  const moved = [...fields.slice(0, 5), other[5]].join('\n')
  const later = fields.with(2, String(Number(fields[2]) + 1)).join('\n')
  for (const text of [allowText, moved, later, fields.slice(0, 5).join('\n'), fields.with(4, '').join('\n')]) {
    await redis.client.publish('ip-risk:broadcasts:0::', text)
  }
  await redis.client.hset(statements, stored)
  await redis.client.zadd('ip-risk:{broadcasts}:allowed:', Date.now() + 3_600_000, fields[1]!)
  const late = await member(t)
  await here.deny('192.0.2.1')
  for (const api of [here, there, late]) {
    await until(async () => await decided(api, '192.0.2.1') === 'temporary_deny')
    t.equal(await decided(api, '203.0.113.9'), 'policy')
    t.equal((await api.exceptions()).some(({ effect }) => effect === 'allow'), false)
  }
  t.match(here.log.text(), 'IP_RISK_BROADCAST_REJECTED')
})

t.test('without keySecret too, what is no exception of ours has no effect and throws nothing', async t => {
  const here = await member(t, {})
  const pack = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url')
  const now = Date.now()
  const id = '203.0.113.0/24'
  for (const about of ['!', pack(null), pack([]), pack(['allow', '192.0.2.0/24', null, null]), pack(['deny', id, null, null]), pack(['allow', id, 7, null]),
    pack(['allow', id, 'x'.repeat(501), null]), 'A'.repeat(100_000), pack(['allow', { toString: 1 }, null, null])]) {
    await redis.client.publish('ip-risk:broadcasts:0::', `allow\n${id}\n${now}\n${now + 60_000}\n\n${about}`)
  }
  await redis.client.publish('ip-risk:broadcasts:0::', `allow\n${id}\n-9007199254740991\n${now}\n\n${pack(['allow', id, null, null])}`)
  await redis.client.publish('ip-risk:broadcasts:0::', `allow\n192.0.2.0/24\n${now}\n${now + 60_000}\n\n${pack(['allow', '192.0.2.0/24', null, 'eve'])}`)
  await until(async () => (await here.exceptions()).some(({ author }) => author === 'eve'))
  t.equal(await decided(here, '203.0.113.9'), 'policy')
  t.equal((await here.exceptions()).length, 1)
})

t.test('with Redis down an exception counts here, the list says that it is not known, and the fleet hears of it later', async t => {
  let own = await startRedis()
  const { port } = own
  t.teardown(() => own.stop())
  const open = () => createIpRisk({ provider: provider(), redis: own.url, cache: { keySecret, redisTimeoutMs: 200 }, log: memoryLog() })
  const [here, there] = [open(), open()]
  for (const api of [here, there]) {
    t.teardown(() => api.close())
    await api.ready()
  }
  own.process.kill('SIGSTOP')
  await here.allow('203.0.113.0/24', { author: 'ada' })
  t.equal(await decided(here, '203.0.113.9'), 'temporary_allow')
  await t.rejects(here.exceptions())
  own.process.kill('SIGCONT')
  await own.stop()
  await here.deny('198.51.100.7')
  own = await startRedis({ port })
  await until(async () => await decided(there, '203.0.113.9') === 'temporary_allow' && await decided(there, '198.51.100.7') === 'temporary_deny')
})

t.test('Fastify, Express and Node have the same verbs, without Redis too, and say in the log and on the channel who did what', async t => {
  const records: unknown[] = []
  const listen = (record: unknown): unknown => records.push(record)
  subscribe('fastify-ip-risk:exception', listen)
  t.teardown(() => unsubscribe('fastify-ip-risk:exception', listen))
  const log = memoryLog()
  const app = fastify({ logger: false })
  t.teardown(() => app.close())
  await app.register(ipRisk, { provider: provider() })
  const node = createIpRisk({ provider: provider(), log })
  const middleware = expressIpRisk({ provider: provider(), log })
  express().use(middleware)
  for (const api of [app.ipRisk, node, middleware]) {
    await api.deny('198.51.100.0/24', { author: 'ada', reason: 'abuse' })
    await api.allow('203.0.113.9')
    t.equal((await api.exceptions()).length, 2)
    t.equal(await decided(api, '203.0.113.9'), 'temporary_allow')
    t.equal(await api.revoke('203.0.113.9', { author: 'bob' }), true)
    t.equal(await decided(api, '203.0.113.9'), 'policy')
    t.match(records.splice(0) as ExceptionRecord[], [
      { verb: 'deny', network: '198.51.100.0/24', author: 'ada', reason: 'abuse', until: /^\d{4}/, at: /^\d{4}/ },
      { verb: 'allow', network: '203.0.113.0', author: null, reason: null }, { verb: 'revoke', author: 'bob', until: null }
    ])
  }
  await node.close()
  await middleware.close()
})
