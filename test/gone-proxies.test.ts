import t from 'tap'
import type { EngineOptions } from '../types/contract.ts'
import { until } from './support/until.ts'
import { leavingClients } from './support/leaving.ts'
import { fastifySite, portOf } from './support/leaving-sites.ts'
import {
  freePort, type Proxy, type Running, startCaddy, startHaproxy, startNginx
} from './support/proxies.ts'
import { needs } from './support/services.ts'
import { tableProvider } from './support/table-provider.ts'

const COUNT = 20
// The visitors come from 127.0.0.1, as Caddy does, so only what stands in X-Forwarded-For tells them apart.
const PROXY = '127.0.0.12'
const engine: EngineOptions = {
  provider: tableProvider({}), clientIp: { trusted: ['loopback'] }, policy: { write: { unknown: 'allow' } }
}
const clients = await leavingClients(t, COUNT)

const fronts: { readonly what: string, readonly proxy: Proxy, start (port: number, to: string): Promise<Running> }[] = [
  { what: 'nginx', proxy: 'nginx', start: (port, to) => startNginx([{ port, to, from: PROXY }]) },
  {
    what: 'HAProxy with option abortonclose',
    proxy: 'haproxy',
    start: (port, to) => startHaproxy([{ port, to, from: PROXY, lines: ['option abortonclose'] }])
  },
  { what: 'Caddy', proxy: 'caddy', start: (port, to) => startCaddy([{ port, to }]) }
]

for (const { what, proxy, start } of fronts) {
  const skip = needs(proxy)
  t.test(`behind ${what}, nobody who leaves while an earlier hook waits gets to the handler`, { skip }, async t => {
    for (const leave of ['close', 'reset', 'stays'] as const) {
      let open!: () => void
      const site = await fastifySite(t, 'http', { engine, ahead: new Promise(resolve => { open = resolve }) })
      const port = await freePort()
      const running = await start(port, `127.0.0.1:${portOf(site).port}`)
      t.teardown(running.stop)
      await clients.open('http', { port, host: '127.0.0.1' })
      await clients.send()
      await until(() => site.arrived === COUNT)
      if (leave !== 'stays') {
        await clients.leave(leave)
        await until(() => site.closed === COUNT)
      }
      open()
      await until(() => site.codes.length + site.handled === COUNT)
      t.equal(site.handled, leave === 'stays' ? COUNT : 0, leave)
      t.ok(site.codes.every(code => code === 'FST_IP_RISK_CLIENT_GONE'))
      await clients.leave('reset')
    }
  })

  t.test(`behind ${what}, leaving at once gets nobody past a deny`, { skip }, async t => {
    for (const leave of ['close', 'reset'] as const) {
      const site = await fastifySite(t, 'http', { engine: { ...engine, deny: ['127.0.0.1'] } })
      const port = await freePort()
      const running = await start(port, `127.0.0.1:${portOf(site).port}`)
      t.teardown(running.stop)
      await clients.open('http', { port, host: '127.0.0.1' })
      await clients.sendAndLeave(leave)
      await clients.open('http', { port, host: '127.0.0.1' })
      await clients.send() // however many of the others the proxy let through: these stay, and come behind them
      await until(() => site.codes.length + site.handled === site.arrived && site.arrived >= COUNT)
      t.equal(site.handled, 0, leave)
      await clients.leave('reset')
    }
  })
}
