// One process of bench/fleet: a cache in front of a slow provider; told which addresses to ask for, tells how long each took.
import { Redis as Redis5 } from 'ioredis'
import { entryOf, otherBuild } from './against.js'

const [method, redis, provider, redisTimeoutMs = '100'] = process.argv.slice(2)

async function ask (ip) {
  const response = await fetch(`${provider}/${ip}`)
  if (!response.ok) throw new Error(`the provider said ${response.status}`)
  return await response.json()
}

const methods = {
  async 'fastify-ip-risk' (name = 'fastify-ip-risk') {
    const { createIpRisk } = await import(entryOf(name))
    const risk = createIpRisk({
      redis,
      cache: { redisTimeoutMs: Number(redisTimeoutMs) },
      provider: {
        name: 'slow',
        maxConcurrent: 1000,
        lookup: async ip => await ask(ip).catch(() => ({ verdict: 'unknown', reason: 'unavailable' }))
      }
    })
    return ip => risk.lookup(ip)
  },
  [otherBuild]: () => methods['fastify-ip-risk'](otherBuild),
  async bentocache () {
    const { BentoCache, bentostore } = await import('bentocache')
    const { memoryDriver } = await import('bentocache/drivers/memory')
    const { redisDriver } = await import('bentocache/drivers/redis')
    const bento = new BentoCache({
      default: 'two',
      stores: { two: bentostore().useL1Layer(memoryDriver({})).useL2Layer(redisDriver({ connection: new Redis5(redis) })) }
    })
    return ip => bento.getOrSet({ key: ip, ttl: '300s', factory: () => ask(ip) })
  },
  async 'layered-loader' () {
    const { Loader, RedisCache } = await import('layered-loader')
    const loader = new Loader({
      inMemoryCache: { cacheType: 'lru-object', ttlInMsecs: 300_000, maxItems: 10_000 },
      asyncCache: new RedisCache(new Redis5(redis), { json: true, ttlInMsecs: 300_000 }),
      dataSources: [{ name: 'provider', get: ip => ask(ip), getMany: ips => Promise.all(ips.map(ask)) }],
      throwIfUnresolved: true,
      logger: { error () {} }
    })
    return ip => loader.get(ip)
  },
  async 'async-cache-dedupe' () {
    const { createCache } = await import('async-cache-dedupe')
    const cache = createCache({ ttl: 300, storage: { type: 'redis', options: { client: new Redis5(redis) } } })
    cache.define('verdict', ip => ask(ip))
    return ip => cache.verdict(ip)
  }
}

const lookup = await methods[method]()
await lookup('198.51.100.1').catch(() => {})
process.on('message', async ips => {
  const took = await Promise.all(ips.map(async ip => {
    const startedMs = performance.now()
    await lookup(ip).catch(() => {})
    return performance.now() - startedMs
  }))
  process.send(took)
})
process.on('disconnect', () => process.exit())
process.send('ready')
