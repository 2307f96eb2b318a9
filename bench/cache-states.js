// CPU time and Redis scripts of one lookup by cache state: what docs/capacity.md multiplies. A real redis-server beside this process, a
// provider that answers at once (a call over HTTP costs its client more), each lookup of another address where no row says otherwise.
// Lookups at the same moment share commands to Redis, so those of one at a time come first.
// `npm run build && cd bench && npm install && node cache-states.js [rounds]`
import { createIpRisk } from '../dist/lib/index.js'
import { startRedis } from './start-redis.js'
import { answer } from './stored-answer.js'

const rounds = Number(process.argv[2] ?? 7)
const LOOKUPS = 10_000
const AT_ONCE = 200
const log = { debug () {}, info () {}, warn () {}, error () {} }
const { redis, port } = await startRedis()
const url = `redis://127.0.0.1:${port}`
const away = 'redis://127.0.0.1:1'

function create (options, lookup = () => answer) {
  return createIpRisk({
    provider: { name: 'made-up', maxConcurrent: 1000, lookup },
    log,
    ...options,
    cache: { maxEntries: 2 * LOOKUPS, ttlSeconds: 21_600, ...options.redis === url && { redisTimeoutMs: 5000 } }
  })
}

let entryBytes
let block = 0
/** So many that no process has seen. */
function addresses () {
  block++
  return Array.from({ length: LOOKUPS }, (_, i) => `${11 + (block >> 2)}.${(block & 3) * 64 + (i >> 14)}.${(i >> 8) & 255}.${i & 255}`)
}

async function ask (risk, ips, expected, atOnce = AT_ONCE) {
  for (let i = 0; i < ips.length; i += atOnce) {
    const results = await Promise.all(ips.slice(i, i + atOnce).map(ip => risk.lookup(ip)))
    const other = expected && results.find(result => !expected(result))
    if (other) throw new Error(`another state was measured: ${JSON.stringify(other)}`)
  }
}

const failing = () => ({ verdict: 'unknown', reason: 'unavailable' })
const isFrom = cache => result => result.cache === cache && result.verdict === 'vpn_detected'
const ONE = ', one at a time'
const states = {
  async memory () {
    const risk = create({ redis: url })
    const ips = addresses()
    await ask(risk, ips)
    return { risk, ips, expected: isFrom('memory') }
  },
  async 'memory, 50 addresses again and again' () {
    const risk = create({ redis: url })
    const ips = addresses().map((_, i, all) => all[i % 50])
    await ask(risk, ips)
    return { risk, ips, expected: isFrom('memory') }
  },
  [`Redis hit${ONE}`]: async () => await states['Redis hit'](),
  async 'Redis hit' () {
    const writer = create({ redis: url })
    const ips = addresses()
    await ask(writer, ips)
    await writer.close() // its fills are stored
    entryBytes = await redis.memory('USAGE', ips[0])
    return { risk: create({ redis: url }), ips, expected: isFrom('redis') }
  },
  [`cold, with Redis${ONE}`]: async () => await states['cold, with Redis'](),
  'cold, with Redis': async () => ({ risk: create({ redis: url }), ips: addresses(), expected: isFrom('miss') }),
  'cold, without Redis': async () => ({ risk: create({}), ips: addresses(), expected: isFrom('miss') }),
  'cold, Redis does not answer': async () => ({ risk: create({ redis: away }), ips: addresses(), expected: isFrom('miss'), warm: true }),
  'the provider fails, its circuit is open': async () =>
    ({ risk: create({ redis: url }, failing), ips: addresses(), expected: ({ verdict }) => verdict === 'unknown', warm: true })
}

/** CPU time of redis-server in microseconds: in scripts, and in all. */
async function cost () {
  const text = await redis.info('commandstats')
  let [calls, microseconds] = [0, 0]
  for (const [, count, usec] of text.matchAll(/cmdstat_eval(?:sha)?:calls=(\d+),usec=(\d+)/g)) {
    calls += Number(count)
    microseconds += Number(usec)
  }
  const cpu = await redis.info('cpu')
  const seconds = name => Number(new RegExp(`^${name}:([\\d.]+)`, 'm').exec(cpu)[1])
  return { calls, microseconds, all: 1e6 * (seconds('used_cpu_user') + seconds('used_cpu_sys')) }
}

async function measure (name) {
  const { risk, ips, expected, warm } = await states[name]()
  await risk.ready()
  if (warm) await ask(risk, addresses().slice(0, AT_ONCE)) // opens the circuit
  await redis.ping()
  const before = await cost()
  const { user, system } = process.cpuUsage()
  await ask(risk, ips, expected, name.endsWith(ONE) ? 1 : AT_ONCE)
  const used = process.cpuUsage({ user, system })
  const after = await cost()
  await risk.close()
  await redis.flushall()
  return {
    microseconds: (used.user + used.system) / LOOKUPS,
    scripts: (after.calls - before.calls) / LOOKUPS,
    redis: (after.microseconds - before.microseconds) / LOOKUPS,
    all: (after.all - before.all) / LOOKUPS
  }
}

const median = values => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]
const names = Object.keys(states)
const results = new Map(names.map(name => [name, []]))
for (const name of names) await measure(name)
for (let round = 0; round < rounds; round++) for (const name of names) results.get(name).push(await measure(name))
console.log(`${LOOKUPS} lookups, ${AT_ONCE} at a time where no row says otherwise; medians of ${rounds} rounds. An entry in Redis, with two signals and info: ${entryBytes} bytes`)
console.table(names.map(name => ({
  'the verdict comes from': name,
  'CPU us a lookup': median(results.get(name).map(({ microseconds }) => microseconds)).toFixed(1),
  'Redis scripts a lookup': median(results.get(name).map(({ scripts }) => scripts)).toFixed(2),
  'CPU us of Redis in scripts': median(results.get(name).map(({ redis }) => redis)).toFixed(1),
  'in all': median(results.get(name).map(({ all }) => all)).toFixed(1)
})))
redis.disconnect()
