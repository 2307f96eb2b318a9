import t, { type Test } from 'tap'
import Fastify from 'fastify'
import { ipRisk as express } from '../lib/frameworks/express.ts'
import ipRisk, { createIpRisk, type CreateIpRiskOptions, type FastifyIpRiskOptions, lists } from '../lib/index.ts'
import { freePort, startRedis } from './support/redis.ts'
import { memoryLog, pinoLog } from './support/log.ts'
import { until } from './support/until.ts'
import { visitorProvider } from './support/table-provider.ts'

const redis = await startRedis()
t.teardown(() => redis.stop())

interface Line { readonly msg: string, readonly ipRiskStart: object }

async function fastifyLine (t: Test, options: CreateIpRiskOptions): Promise<Line[]> {
  const { lines, logger } = pinoLog<Line>('info')
  const app = Fastify({ logger })
  t.teardown(() => app.close())
  await app.register(ipRisk, options as FastifyIpRiskOptions)
  await app.ready()
  return lines.filter(({ ipRiskStart }) => ipRiskStart !== undefined)
}

async function standaloneLine (
  t: Test, make: (options: CreateIpRiskOptions) => { ready (): Promise<void>, close (): Promise<void> }, options: CreateIpRiskOptions
): Promise<Line[]> {
  const log = memoryLog()
  const engine = make({ ...options, log })
  t.teardown(() => engine.close())
  const found = (): Line[] => log.lines.filter(({ fields }) => 'ipRiskStart' in fields)
    .map(({ level, message, fields }) => {
      t.equal(level, 'info')
      return { msg: message!, ...fields as { ipRiskStart: object } }
    })
  await until(() => found().length > 0)
  return found()
}

t.test('Fastify, Express and plain Node write the same line once', async t => {
  const variants: { readonly [name: string]: CreateIpRiskOptions } = {
    'without redis': { redis: undefined },
    'with redis': { redis: redis.url, mode: 'monitor', clientIp: { trusted: ['10.0.0.1'], cloudflare: true } },
    'with a policy': { policy: { write: { vpn_likely: 'block' } } }
  }
  for (const [name, given] of Object.entries(variants)) {
    const options = { provider: visitorProvider(), ...given }
    const [fromFastify, ...more] = await fastifyLine(t, options)
    t.equal(more.length, 0)
    for (const make of [createIpRisk, express]) {
      const [line, ...again] = await standaloneLine(t, make as typeof createIpRisk, options)
      t.equal(line!.msg, fromFastify!.msg, name)
      t.same(line!.ipRiskStart, fromFastify!.ipRiskStart, name)
      t.same(again, [])
    }
    if (given.redis === undefined) t.match(fromFastify!.msg, '("redis" is not set)')
    else t.match(fromFastify!.msg, /shared through Redis \(up\), trusts 1 entry of clientIp\.trusted and trusts Cloudflare, mode monitor/)
  }
})

t.test('a Redis that does not answer is in the line, too, and what is closed before writes none', async t => {
  const options = { provider: visitorProvider(), redis: 'redis://127.0.0.1:1' }
  t.match((await standaloneLine(t, createIpRisk, options))[0]!.msg, 'shared through Redis (down)')
  const log = memoryLog()
  const engine = createIpRisk({ ...options, log })
  await engine.close()
  await engine.ready()
  await new Promise(resolve => setImmediate(resolve))
  t.notMatch(log.text(), /ipRiskStart/)
})

t.test('with lists() alone, no lookup needs Redis, and yet one that never answers is logged', async t => {
  const port = await freePort()
  const log = memoryLog()
  const engine = createIpRisk({ provider: lists({ cacheFolder: t.testdir(), asn: false }), redis: `redis://127.0.0.1:${port}`, log })
  t.teardown(() => engine.close())
  const codes = (): unknown[] => log.lines.map(({ fields }) => (fields as { code?: string }).code).filter(code => code?.startsWith('IP_RISK_REDIS'))
  await until(() => codes().length > 0)
  t.strictSame(codes(), ['IP_RISK_REDIS_DOWN'])
  t.match(log.text(), /ECONNREFUSED/)
  const server = await startRedis({ port })
  t.teardown(() => server.stop())
  await until(() => codes().length > 1)
  t.strictSame(codes(), ['IP_RISK_REDIS_DOWN', 'IP_RISK_REDIS_UP'])
  await server.stop()
  await until(() => codes().length > 2)
  t.strictSame(codes().at(-1), 'IP_RISK_REDIS_DOWN', 'one that goes away later, too')
  t.match(engine.health().reasons.map(({ code }) => code), ['redis_down', 'data_missing'])
})
