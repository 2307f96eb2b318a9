import { fork } from 'node:child_process'
import { once } from 'node:events'
import { request } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import Fastify from 'fastify'
import t from 'tap'
import { createIpRisk } from '../lib/frameworks/node.ts'
import ipRisk from '../lib/index.ts'
import type { Provider } from '../types/contract.ts'
import { until } from './support/until.ts'
import { memoryLog } from './support/log.ts'
import { startRedis } from './support/redis.ts'

/** Answers nothing, and does not mind the signal. */
function muteProvider (): Provider & { asked: number } {
  return {
    name: 'mute',
    asked: 0,
    timeoutMs: 60_000,
    lookup () {
      this.asked++
      return new Promise(() => {})
    }
  }
}

t.test('closing answers the requests that wait for the provider, and then the server is closed', async t => {
  const provider = muteProvider()
  const app = Fastify()
  await app.register(ipRisk, { provider, timeoutMs: 60_000, clientIp: { trusted: ['loopback'] } })
  app.post('/signup', { config: { ipRisk: 'signup' } }, request => request.ipRisk)
  await app.listen({ port: 0, host: '127.0.0.1' })
  const { port } = app.server.address() as { port: number }
  const answered = Promise.all([1, 2, 3].map(async i => {
    const sent = request({ port, host: '127.0.0.1', method: 'POST', path: '/signup', headers: { 'x-forwarded-for': `198.51.100.${i}` } }).end()
    const [response] = await once(sent, 'response')
    return JSON.parse(String((await response.toArray())[0]))
  }))
  await until(() => provider.asked === 3)
  await app.close()
  for (const risk of await answered) t.match(risk, { verdict: 'unknown', reason: 'unavailable' })
})

t.test('after closing, lookups get an answer and nobody is asked; the provider is not blamed', async t => {
  const provider = muteProvider()
  const log = memoryLog()
  const risk = createIpRisk({ provider, log, timeoutMs: 60_000 })
  const waiting = Array.from({ length: 10 }, (_, i) => risk.lookup(`203.0.113.${i + 1}`))
  await until(() => provider.asked === 10)
  await risk.close()
  for (const answer of await Promise.all(waiting)) t.match(answer, { verdict: 'unknown', reason: 'unavailable' })
  t.match(await risk.lookup('198.51.100.1'), { verdict: 'unknown', reason: 'unavailable' })
  t.equal(provider.asked, 10)
  t.match(risk.stats().providers['mute'], { failures: 0, breaker: 'closed' })
  t.strictSame(log.messages.filter(line => /^(warn|error)/.test(line)), [])
  await risk.close()
})

t.test('a frozen Redis and a mute provider hold neither close() nor the process', async t => {
  const redis = await startRedis()
  t.teardown(() => redis.stop())
  const file = new URL('./support/closing-process.ts', import.meta.url)
  const child = fork(file, [JSON.stringify({ redis: redis.url })])
  const exited = once(child, 'exit')
  t.teardown(() => child.kill('SIGKILL'))
  await once(child, 'message')
  redis.process.kill('SIGSTOP')
  child.send('frozen')
  const [reasons] = await once(child, 'message')
  t.strictSame(reasons, ['unavailable'])
  // A connection of which the other end is frozen would keep the process for two seconds.
  const end = await Promise.race([exited, sleep(1_000, 'still there', { ref: false })])
  t.strictSame(end, [0, null], 'no unhandled rejection either')
})
