// What 100,000 cached verdicts with two matched signals and the usual info take in memory, and how long a full garbage collection stops.
// Each method in a process of its own. `npm run build && cd bench && npm install && node memory.js [--against FOLDER]`
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { PerformanceObserver } from 'node:perf_hooks'
import { setTimeout as sleep } from 'node:timers/promises'
import { entryOf, otherBuild, otherNames } from './against.js'

const ENTRIES = 100_000
const names = ['fastify-ip-risk', ...otherNames, 'bentocache', 'layered-loader', 'async-cache-dedupe']
const address = i => `203.${i >> 16}.${(i >> 8) & 255}.${i & 255}`

/** As it comes from a provider: all of its strings are new. */
const answerTo = i => JSON.parse(JSON.stringify({
  verdict: 'vpn_detected',
  score: 0.75 + (i % 200) / 1000,
  isVpn: true,
  confidence: 0.5 + (i % 400) / 1000,
  signals: [
    { type: 'known_vpn_cidr', weight: 0.45, detail: `203.${i >> 16}.${(i >> 8) & 255}.0/24` },
    { type: 'vpn_org_keyword', weight: 0.2, detail: `Example Hosting ${i % 5000} Ltd` }
  ],
  info: {
    asn: `AS${64_496 + i % 5000}`,
    org: `Example Hosting ${i % 5000} Ltd`,
    isp: `Example Hosting ${i % 5000}`,
    country: 'Exampleland',
    countryCode: 'EX',
    city: `City ${i % 3000}`,
    lat: i % 90 + 0.1234,
    lon: i % 180 + 0.1234,
    type: 'datacenter',
    isProxy: false
  },
  categories: ['vpn', 'hosting']
}))

const methods = {
  async 'fastify-ip-risk' (name = 'fastify-ip-risk') {
    const { createIpRisk } = await import(entryOf(name))
    const risk = createIpRisk({
      provider: { name: 'made-up', maxConcurrent: 1000, lookup: async ip => answerTo(numberOf(ip)) },
      cache: { maxEntries: ENTRIES, ttlSeconds: 21_600 }
    })
    return ip => risk.lookup(ip)
  },
  [otherBuild]: () => methods['fastify-ip-risk'](otherBuild),
  async bentocache () {
    const { BentoCache, bentostore } = await import('bentocache')
    const { memoryDriver } = await import('bentocache/drivers/memory')
    const bento = new BentoCache({ default: 'one', stores: { one: bentostore().useL1Layer(memoryDriver({ maxItems: ENTRIES })) } })
    return ip => bento.getOrSet({ key: ip, ttl: '6h', factory: async () => answerTo(numberOf(ip)) })
  },
  async 'layered-loader' () {
    const { Loader } = await import('layered-loader')
    const loader = new Loader({
      inMemoryCache: { cacheType: 'lru-object', ttlInMsecs: 21_600_000, maxItems: ENTRIES },
      dataSources: [{ name: 'made-up', get: async ip => answerTo(numberOf(ip)), getMany: async () => [] }]
    })
    return ip => loader.get(ip)
  },
  async 'async-cache-dedupe' () {
    const { createCache } = await import('async-cache-dedupe')
    const cache = createCache({ ttl: 21_600, storage: { type: 'memory', options: { size: ENTRIES } } })
    cache.define('verdict', async ip => answerTo(numberOf(ip)))
    return ip => cache.verdict(ip)
  }
}

function numberOf (ip) {
  const [, a, b, c] = ip.split('.').map(Number)
  return (a << 16) | (b << 8) | c
}

async function heapBytes () {
  for (let i = 0; i < 4; i++) {
    globalThis.gc()
    await sleep(50)
  }
  return process.memoryUsage().heapUsed
}

async function measure (name) {
  const lookup = await methods[name]()
  await lookup('192.0.2.1')
  const before = await heapBytes()
  const step = 500
  for (let i = 0; i < ENTRIES; i += step) await Promise.all(Array.from({ length: step }, (_, j) => lookup(address(i + j))))
  const filled = await heapBytes()
  // Every entry is read again, so that what a cache unpacks and keeps counts too.
  for (let i = 0; i < ENTRIES; i += step) await Promise.all(Array.from({ length: step }, (_, j) => lookup(address(i + j))))
  const read = await heapBytes()
  const pauses = []
  const observer = new PerformanceObserver(list => pauses.push(...list.getEntries().map(({ duration }) => duration)))
  observer.observe({ entryTypes: ['gc'] })
  for (let i = 0; i < 7; i++) {
    globalThis.gc()
    await sleep(100)
  }
  pauses.sort((a, b) => a - b)
  const hit = await lookup(address(77))
  if ((hit.info.city ?? '') !== 'City 77') throw new Error('an entry was lost')
  process.send({ filled: (filled - before) / ENTRIES, read: (read - before) / ENTRIES, pause: pauses[Math.floor(pauses.length / 2)] })
  process.disconnect()
  process.exit()
}

if (process.send !== undefined) await measure(process.argv[2])
else {
  const rows = []
  for (const name of names) {
    const child = fork(new URL(import.meta.url), [name], { execArgv: ['--expose-gc'] })
    const [{ filled, read, pause }] = await once(child, 'message')
    rows.push({
      method: name, 'bytes an entry': Math.round(filled), 'bytes, all read again': Math.round(read), 'full GC pause ms (median of 7)': pause.toFixed(0)
    })
  }
  console.log(`${ENTRIES.toLocaleString('en')} verdicts with two matched signals and the usual info`)
  console.table(rows)
}
