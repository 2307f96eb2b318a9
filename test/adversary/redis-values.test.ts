import t from 'tap'
import { randomBytes } from 'node:crypto'
import { Redis } from 'ioredis'
import { createIpRisk } from '../../lib/index.ts'
import { until } from '../support/until.ts'
import { memoryLog } from '../support/log.ts'
import { type RedisServer, startRedis } from '../support/redis.ts'
import { tableProvider } from '../support/table-provider.ts'

const CLIENT = '203.0.113.9'
const CHEAP = '203.0.113.10'
const FORGOTTEN = '203.0.113.12'
/** Databases, so that values are tried beside each other. */
const AT_ONCE = 4
/** One for each thing that is wrong. */
const MAX_LINES = 4
const redis: RedisServer = await startRedis()
t.teardown(() => redis.stop())

/** Everything that another tenant of this Redis could leave under a name, by type. */
const values: Readonly<Record<string, (client: Redis, key: string) => Promise<unknown>>> = {
  text: (client, key) => client.set(key, 'hello'),
  'text that expires': (client, key) => client.set(key, 'hello', 'EX', 100),
  'a number': (client, key) => client.set(key, '1e309', 'EX', 100),
  'no text': (client, key) => client.set(key, Buffer.from([0xff, 0xfe, 0]), 'EX', 100),
  nothing: (client, key) => client.set(key, '', 'EX', 100),
  'a megabyte': (client, key) => client.set(key, randomBytes(1 << 20), 'EX', 100),
  'JSON of another shape': (client, key) => client.set(key, '{"verdict":{"toString":1},"ip_info":[],"signals":{"length":1e9}}', 'EX', 100),
  'JSON, deeply nested': (client, key) => client.set(key, '['.repeat(100_000), 'EX', 100),
  'a list': (client, key) => client.rpush(key, 'a', '1', '-1'),
  'a set': (client, key) => client.sadd(key, 'a', '1', '-1'),
  'a hash': (client, key) => client.hset(key, 'field', 'value', 'epoch', 'x', 'quiet', 'never', CLIENT, 'NaN:NaN'),
  'a sorted set': (client, key) => client.zadd(key, '-inf', 'a', '+inf', 'b', 0, ''),
  'a stream': (client, key) => client.xadd(key, '*', 'a', '1'),
  'a HyperLogLog': (client, key) => client.pfadd(key, 'a', 'b'),
  'a bitmap': (client, key) => client.setbit(key, 100_000, 1)
}

function engineOn (url: string, log = memoryLog()) {
  const provider = tableProvider({ [CLIENT]: 'vpn_detected', [CHEAP]: 'unavailable' }, { limits: { perMinute: 60, perDay: 500, burst: 50 } })
  return createIpRisk({ provider, redis: url, cache: { redisTimeoutMs: 2000 }, log })
}

/** Asks, allows and forgets, as applications do. */
async function use (engine: ReturnType<typeof engineOn>) {
  const visit = async (remoteAddress: string) =>
    await engine.assess({ socket: { remoteAddress }, headers: {}, method: 'POST' }, 'signup')
  const risk = await visit(CLIENT)
  await visit(CHEAP)
  await engine.allow('203.0.113.11', { ttlSeconds: 60 })
  await engine.invalidate(FORGOTTEN)
  return risk
}

/** The names that our scripts touch, as Redis itself sees them. */
async function namesInUse (): Promise<string[]> {
  const monitor = await redis.client.monitor()
  const names = new Set<string>()
  let isOver = false
  monitor.on('monitor', (_time: string, [command, _script, count, ...rest]: string[]) => {
    if (/^eval/i.test(command!)) for (const name of rest.slice(0, Number(count))) names.add(name)
    if (command === 'echo') isOver = true
  })
  const engine = engineOn(redis.url)
  await engine.ready()
  await use(engine)
  await engine.close()
  await redis.client.echo('over')
  await until(() => isOver)
  monitor.disconnect()
  // Those of the other addresses are of the same kinds.
  return [...names].filter(name => !name.includes(CHEAP) && !name.includes(FORGOTTEN))
}

t.test('whatever is under a name of ours, the answer comes, and it is the provider\'s own or flagged', async t => {
  const names = await namesInUse()
  t.ok(names.length >= 10, names.join(' '))
  const left = names.flatMap(name => Object.entries(values).map(([what, put]) => ({ name, what, put })))
  const wrong: string[] = []
  await Promise.all(Array.from({ length: AT_ONCE }, async (_, database) => {
    const url = `${redis.url}/${database}`
    const client = new Redis(url)
    for (let next = left.pop(); next !== undefined; next = left.pop()) {
      const { name, what, put } = next
      await client.flushdb()
      await put(client, name)
      const log = memoryLog()
      const engine = engineOn(url, log)
      await engine.ready()
      const { verdict, decision, reason } = await use(engine)
      const lines = log.messages.filter(line => /^(warn|error)/.test(line))
      // Whoever writes to Redis can spend the budget and pause all calls: then nobody is let in without a mark.
      const isPaused = name.includes(':quota:') && decision === 'elevate_risk'
      if (!isPaused && (verdict !== 'vpn_detected' || decision !== 'block')) wrong.push(`${what} under ${name}: ${verdict} ${reason}, ${decision}`)
      if (lines.length > MAX_LINES) wrong.push(`${what} under ${name}: ${lines.length} lines, ${lines[0]}`)
      await engine.close()
    }
    client.disconnect()
  }))
  t.strictSame(wrong, [])
})
