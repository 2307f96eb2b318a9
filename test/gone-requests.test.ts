import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { createIpRisk } from '../lib/index.ts'
import type { EngineOptions } from '../types/contract.ts'
import { until } from './support/until.ts'
import { leavingClients } from './support/leaving.ts'
import { fastifySite, portOf, type Site, type SiteOptions } from './support/leaving-sites.ts'
import { memoryLog } from './support/log.ts'
import { tableProvider } from './support/table-provider.ts'

const COUNT = 25
const engine: EngineOptions = { provider: tableProvider({}), policy: { write: { unknown: 'allow' } } }
const clients = await leavingClients(t, COUNT)

/** Clients that leave before the server reads their requests, or while an earlier hook waits until their sockets are closed. */
async function left (t: Test, when: 'at once' | 'later', options: Partial<SiteOptions> = {}): Promise<Site> {
  let open!: () => void
  const opened = new Promise<void>(resolve => { open = resolve })
  const site = await fastifySite(t, 'http', { engine, ...when === 'later' && { ahead: opened }, ...options })
  await clients.open('http', portOf(site))
  if (when === 'at once') {
    await clients.sendAndLeave('reset')
  } else {
    await clients.send()
    await until(() => site.arrived === COUNT)
    await clients.leave('reset')
    await until(() => site.closed === COUNT)
    open()
  }
  await until(() => site.codes.length + site.handled === COUNT)
  return site
}

for (const when of ['at once', 'later'] as const) {
  t.test(`onResponse hooks run once for each client that left ${when}, and only debug lines are about it`, async t => {
    const site = await left(t, when)
    await until(() => site.statuses.length >= COUNT)
    await new Promise(resolve => setTimeout(resolve, 20))
    t.same(site.statuses, Array(COUNT).fill(499))
    t.same(site.codes, Array(COUNT).fill('FST_IP_RISK_CLIENT_GONE'))
    const aboutIt = site.lines.filter(line => line.err?.code === 'FST_IP_RISK_CLIENT_GONE')
    t.ok(aboutIt.length >= COUNT)
    t.same([...new Set(aboutIt.map(line => line.level))], [20])
    t.ok(site.lines.every(line => line.level <= 30 || line.reqId === undefined), 'no warning and no error')
  })

  t.test(`an application's own error handler sees the error when the client left ${when}, sync or async`, async t => {
    for (const isAsync of [false, true]) {
      const seen: unknown[] = []
      const site = await left(t, when, {
        prepare (app) {
          app.setErrorHandler((error: Error & { code: string }, request, reply) => {
            seen.push([error.code, request.ipRisk?.reason])
            if (!isAsync) return reply.code(error.code === 'FST_IP_RISK_CLIENT_GONE' ? 499 : 500).send({ mine: true })
            return new Promise(resolve => setImmediate(resolve)).then(() => reply.code(499).send('mine'))
          })
        }
      })
      await until(() => seen.length === COUNT)
      t.same(seen, Array(COUNT).fill(['FST_IP_RISK_CLIENT_GONE', 'no_ip']))
      // From Node.js 22 on, a response that an asynchronous handler sends so late never ends, and Fastify calls no `onResponse`.
      const ends = !isAsync || Number(process.versions.node.split('.')[0]) < 22
      if (ends) await until(() => site.statuses.length === COUNT)
      t.ok(site.statuses.every(status => status === 499))
      t.equal(site.handled, 0)
    }
  })

  t.test(`with no log and no onResponse hook, a client that left ${when} harms nobody`, async t => {
    const site = await left(t, when, { fastify: { logger: false } })
    t.equal(site.handled, 0)
  })

  t.test(`monitor mode never acts: the handler runs for clients that left ${when}`, async t => {
    const site = await left(t, when, { engine: { ...engine, mode: 'monitor', deny: ['127.0.0.1'] } })
    t.equal(site.handled, COUNT)
    const onRoute = await left(t, when, { engine, route: { mode: 'monitor' } })
    t.equal(onRoute.handled, COUNT)
  })
}

t.test('a second request on a connection is judged with the address of the first, though it is reset', async t => {
  const site = await fastifySite(t, 'http', { engine: { ...engine, deny: ['127.0.0.1'] } })
  await clients.open('http', portOf(site))
  await clients.send()
  await until(() => site.codes.length === COUNT)
  await clients.sendAndLeave('reset')
  await until(() => site.codes.length === 2 * COUNT)
  t.equal(site.handled, 0)
})

t.test('a client that only stopped sending is not gone', async t => {
  const atOnce = await fastifySite(t, 'http', { engine, route: { lookup: 'cache' } })
  await clients.open('http', portOf(atOnce))
  await clients.sendAndLeave('half')
  await until(() => atOnce.codes.length + atOnce.handled === COUNT)
  t.equal(atOnce.handled, COUNT, 'at once')

  let open!: () => void
  const later = await fastifySite(t, 'http', { engine, ahead: new Promise(resolve => { open = resolve }) })
  Object.assign(later.server, { httpAllowHalfOpen: true }) // otherwise Node itself closes the connection
  await clients.open('http', portOf(later))
  await clients.send()
  await until(() => later.arrived === COUNT)
  await clients.leave('half')
  await until(() => later.halfClosed === COUNT)
  open()
  await until(() => later.codes.length + later.handled === COUNT)
  t.equal(later.handled, COUNT, 'later')
  await clients.leave('reset')
})

t.test('a hook that another plugin adds behind ours may wait too: the handler does not run for clients that left meanwhile', async t => {
  let open!: () => void
  const opened = new Promise<void>(resolve => { open = resolve })
  let waiting = 0
  const site = await fastifySite(t, 'http', {
    engine,
    prepare (app) {
      app.addHook('onRoute', route => {
        route.preHandler = [route.preHandler ?? []].flat().concat(async () => {
          waiting++
          await opened
        })
      })
    }
  })
  await clients.open('http', portOf(site))
  await clients.send()
  await until(() => waiting === COUNT)
  await clients.leave('reset')
  await until(() => site.closed === COUNT)
  open()
  await until(() => site.codes.length + site.handled === COUNT)
  t.equal(site.handled, 0)
})

t.test('nobody is gone on a unix socket, where no peer has an address; one warning tells to trust it', async t => {
  const folder = mkdtempSync(join(tmpdir(), 'ip-risk-unix-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  for (const clientIp of [{}, { trusted: ['unix'] }]) {
    const path = join(folder, `${Object.keys(clientIp).length}.sock`)
    const site = await fastifySite(t, 'http', { engine: { ...engine, clientIp }, listen: { path } })
    await clients.open('http', { path })
    await clients.send()
    await until(() => site.codes.length + site.handled === COUNT)
    t.equal(site.handled, COUNT)
    await clients.leave('close')
    const warnings = site.lines.filter(line => line.code === 'IP_RISK_UNIX_SOCKET_NOT_TRUSTED')
    t.match(warnings, 'trusted' in clientIp ? [] : [{ level: 40, msg: /Add "unix" to clientIp\.trusted/ }])
    t.equal(warnings.length, 'trusted' in clientIp ? 0 : 1)
  }
})

t.test('enforce knows a client that is gone whatever risk it is given', async t => {
  const risk = createIpRisk({ ...engine, log: memoryLog() })
  t.teardown(() => risk.close())
  const socket = { remoteAddress: '203.0.113.9', localAddress: '192.0.2.1', destroyed: false }
  const here = { method: 'POST', headers: {}, socket }
  const judged = await risk.assess(here)
  t.equal(await risk.enforce(here, judged), null)
  const gone = { statusCode: 499, code: 'FST_IP_RISK_CLIENT_GONE', headers: {} }
  for (const request of [
    { ...here, socket: { localAddress: '192.0.2.1' } }, { ...here, socket: { ...here.socket, destroyed: true } },
    { ...here, stream: { destroyed: true } }, { ...here, stream: { closed: true, destroyed: false } }
  ]) {
    t.match(await risk.enforce(request, judged), gone)
    t.match(await risk.enforce(request, { ...judged }), gone, 'a copy')
    t.match(await risk.enforce(request, await risk.lookup('203.0.113.9')), gone, 'somebody else\'s')
    t.match(await risk.assess(request), { reason: 'no_ip', decision: 'block', ip: null })
    t.equal(await risk.enforce(request, await risk.assess(request, { mode: 'monitor' })), null)
  }
  t.equal(await risk.enforce({ headers: {}, socket: {} }, judged), null, 'neither address: a unix socket')
})
