import Fastify from 'fastify'
import t from 'tap'
import { createEngine } from '../lib/core/engine.ts'
import { assessRequest, type CompletedAssessment, publish, startAssessment } from '../lib/core/index.ts'
import { routeConfigs } from '../lib/frameworks/route-config.ts'
import { fastifyIpRisk } from '../lib/index.ts'
import { readPluginScope, readRoutePolicy } from '../lib/options/index.ts'
import type { DecisionRecord, IpRisk } from '../types/contract.ts'
import { memoryLog } from './support/log.ts'
import { tableProvider } from './support/table-provider.ts'

const ip = '203.0.113.7'

t.test('a verdict from memory is assessed by one reading of the clock', async t => {
  const provider = tableProvider({ [ip]: 'suspicious' })
  let reads = 0
  const engine = createEngine({ provider }, memoryLog(), () => {
    reads++
    return 1_800_000_000_000
  })
  t.teardown(() => engine.close())
  const scope = readPluginScope({ provider })
  const route = readRoutePolicy('route', true, scope)!
  const log = { ...engine.log, isLevelEnabled: () => false } // no listener, so no record
  const context = { scope, route, method: 'POST', url: '/', requestId: '1', log }
  const raw = { socket: { remoteAddress: ip }, headers: {} }
  const assess = async (): Promise<CompletedAssessment> => await assessRequest(startAssessment(engine, context, raw), raw)
  t.match((await assess()).risk, { cache: 'miss', verdict: 'suspicious' })
  reads = 0
  const assessment = await assess()
  t.match(assessment.risk, { cache: 'memory', verdict: 'suspicious', ageSeconds: 0 })
  publish(assessment, 'flagged')
  t.equal(reads, 1)
})

t.test('a listener that comes while a request is assessed reads a duration, too', async t => {
  const provider = tableProvider({ [ip]: 'clean' })
  let now = 1_800_000_000_000
  const engine = createEngine({ provider }, memoryLog(), () => now)
  t.teardown(() => engine.close())
  const records: DecisionRecord[] = []
  const silent = readPluginScope({ provider })
  const listening = readPluginScope({ provider, onDecision: record => { records.push(record) } })
  const route = readRoutePolicy('route', true, silent)!
  const context = { route, method: 'POST', url: '/', requestId: '1', log: { ...engine.log, isLevelEnabled: () => false } }
  const raw = { socket: { remoteAddress: ip }, headers: {} }
  const assessment = await assessRequest(startAssessment(engine, { ...context, scope: silent }, raw), raw)
  now += 12
  assessment.context = { ...context, scope: listening }
  publish(assessment, 'allowed')
  t.match(records, [{ durationMs: 12, outcome: 'allowed' }])
})

t.test('routeOptions is not read for each request', async t => {
  const app = Fastify()
  t.teardown(() => app.close())
  await app.register(fastifyIpRisk, { provider: tableProvider({ [ip]: 'vpn_detected' }) })
  let reads = 0
  let watched = false
  app.addHook('onRequest', async request => {
    let owner: object = request
    while (!Object.hasOwn(owner, 'routeOptions')) owner = Object.getPrototypeOf(owner) as object
    if (watched) return
    watched = true
    const { get } = Object.getOwnPropertyDescriptor(owner, 'routeOptions')!
    Object.defineProperty(owner, 'routeOptions', {
      get () {
        reads++
        return get!.call(this)
      }
    })
    t.teardown(() => Object.defineProperty(owner, 'routeOptions', { get: get! }))
  })
  for (const [url, ipRisk] of [['/judged', true], ['/not', false]] as const) {
    app.post(url, { config: { ipRisk } }, async () => 'ok')
    app.get(url, { config: { ipRisk } }, async () => 'ok')
  }
  const ask = async (method: 'GET' | 'POST', url: string): Promise<number> =>
    (await app.inject({ method, url, remoteAddress: ip })).statusCode
  await ask('GET', '/judged')
  t.strictSame([
    await ask('POST', '/judged'), await ask('POST', '/not'), await ask('GET', '/judged'), await ask('GET', '/none')
  ], [403, 200, 200, 404], 'each request has the policy of its own route')
  t.equal(reads, 0)
})

t.test('the config is read through routeOptions where Fastify keeps it elsewhere', async t => {
  const configs = routeConfigs()
  for (let i = 0; i < 5; i++) {
    const config = { url: `/${i}`, method: 'GET' }
    t.equal(configs.of({ routeOptions: { config } } as never), config)
  }
})

t.test('a route with ipRisk: false carries nothing, and an application may set request.ipRisk on every route', async t => {
  const app = Fastify()
  t.teardown(() => app.close())
  await app.register(fastifyIpRisk, { provider: tableProvider({ [ip]: 'suspicious' }) })
  const symbolsOf = (request: object): number => Object.getOwnPropertySymbols(request).length
  let atFirst = 0
  app.addHook('onRequest', async request => {
    if (request.url === '/not') t.equal(symbolsOf(request), atFirst)
  })
  app.get('/not', { config: { ipRisk: false } }, async request => {
    const before = request.ipRisk
    request.ipRisk = { ...before, ip: 'set' } as IpRisk
    return [before, request.ipRisk!.ip, Object.hasOwn(request, 'ipRisk')]
  })
  app.get('/judged', { config: { ipRisk: true } }, async request => {
    const { verdict } = request.ipRisk!
    request.ipRisk = null
    return [verdict, request.ipRisk]
  })
  await app.ready()
  const plain = Fastify()
  plain.addHook('onRequest', async request => { atFirst = symbolsOf(request) })
  await plain.inject('/')
  await plain.close()
  t.same((await app.inject({ url: '/not', remoteAddress: ip })).json(), [null, 'set', false])
  t.same((await app.inject({ url: '/judged', remoteAddress: ip })).json(), ['suspicious', null])
})

t.test('a client that leaves before the handler is seen on routes that onRoute missed, and on those of WebSockets', async t => {
  for (const [name, early, options] of [['late', false, {}], ['WebSocket', true, { websocket: true }]] as const) {
    const app = Fastify()
    t.teardown(() => app.close())
    const registered = app.register(fastifyIpRisk, { provider: tableProvider({ [ip]: 'clean' }) })
    if (early) await registered
    let handled = 0
    // Where a handler gets a socket instead of a request, only the hooks see who is there.
    app.addHook('onRoute', route => { route.handler = async () => { handled++ } })
    app.get('/', { config: { ipRisk: true }, ...options }, async () => { handled++ })
    app.addHook('preValidation', async request => { Object.assign(request.raw.socket, { destroyed: true }) })
    t.equal((await app.inject({ url: '/', remoteAddress: ip })).statusCode, 499, name)
    t.equal(handled, 0, name)
  }
})
