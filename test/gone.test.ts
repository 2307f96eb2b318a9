import t, { type Test } from 'tap'
import type { EngineOptions } from '../types/contract.ts'
import { until } from './support/until.ts'
import { type Kind, type Leave, leavingClients } from './support/leaving.ts'
import { type Build, expressSite, fastifySite, nodeSite, portOf, type Site } from './support/leaving-sites.ts'
import { answer, tableProvider } from './support/table-provider.ts'

const COUNT = 25
const code = 'FST_IP_RISK_CLIENT_GONE'
// This policy lets everybody in, so nothing but being gone can end a request …
const engine: EngineOptions = { provider: tableProvider({}), policy: { write: { unknown: 'allow' } } }
// … and here nobody gets in who has an address.
const denying: EngineOptions = { ...engine, deny: ['127.0.0.0/8'] }
const clients = await leavingClients(t, COUNT)

function gate (): { readonly opened: Promise<void>, open (): void } {
  let open!: () => void
  return { opened: new Promise(resolve => { open = resolve }), open: () => open() }
}

async function allEndedAsGone (t: Test, site: Site, how: string): Promise<void> {
  await until(() => site.codes.length + site.handled >= COUNT)
  t.equal(site.handled, 0, `${how}: the handler never runs`)
  t.same(site.codes, Array(COUNT).fill(code), `${how}: each request ends with the error`)
  await until(() => site.risks.length === COUNT)
  t.ok(site.risks.every(risk => risk?.decision === 'block'), `${how}: whoever reads only the decision stops too`)
}

const everywhere: [name: string, kind: Kind, build: Build, leaves: Leave[]][] = [
  ['Fastify', 'http', fastifySite, ['reset', 'close']],
  ['Fastify, TLS', 'tls', fastifySite, ['reset', 'close']],
  ['Fastify, HTTP/2', 'http2', fastifySite, ['reset', 'close', 'stream', 'stream-no-error']],
  ['Fastify, a WebSocket upgrade', 'upgrade', fastifySite, ['reset']],
  ['Express', 'http', expressSite, ['reset', 'close']],
  ['Node', 'http', nodeSite, ['reset', 'close']]
]

for (const [name, kind, build, leaves] of everywhere) {
  t.test(`${name}: a request whose client reset the connection never reaches the handler`, async t => {
    for (const options of [engine, denying]) {
      const site = await build(t, kind, { engine: options })
      await clients.open(kind, portOf(site))
      await clients.sendAndLeave('reset')
      await allEndedAsGone(t, site, options === denying ? 'denied' : 'allowed')
    }
  })

  t.test(`${name}: nor does one whose client left while an earlier hook waited`, async t => {
    for (const leave of leaves) {
      const { opened, open } = gate()
      const site = await build(t, kind, { engine, ahead: opened })
      await clients.open(kind, portOf(site))
      await clients.send()
      await until(() => site.arrived === COUNT)
      await clients.leave(leave)
      await until(() => site.closed === COUNT)
      open()
      await allEndedAsGone(t, site, leave)
    }
  })

  t.test(`${name}: whoever stays gets to the handler, or is denied`, async t => {
    for (const options of [engine, denying]) {
      const site = await build(t, kind, { engine: options })
      await clients.open(kind, portOf(site))
      await clients.send()
      await until(() => site.codes.length + site.handled === COUNT)
      t.equal(site.handled, options === denying ? 0 : COUNT)
      t.ok(site.codes.every(code => code === 'FST_IP_RISK_BLOCKED'))
      await clients.leave('reset')
    }
  })
}

t.test('nor does one whose client left during the lookup, during authentication, or during the step-up', async t => {
  for (const [name, kind, build] of everywhere.filter(([, kind]) => kind === 'http' || kind === 'http2')) {
    for (const where of ['lookup', 'behind', 'stepUp'] as const) {
      let waiting = 0
      const { opened, open } = gate()
      const wait = async (): Promise<boolean> => {
        waiting++
        await opened
        return true
      }
      const site = await build(t, kind, {
        engine: {
          clientIp: { trusted: ['loopback'] },
          provider: {
            name: 'slow',
            async lookup () {
              if (where === 'lookup') await wait()
              return answer('vpn_likely')
            }
          },
          policy: { write: { vpn_likely: where === 'lookup' ? 'allow' : 'step_up_auth' } }
        },
        behind: where === 'behind' ? opened : undefined,
        stepUp: { isSatisfied: where === 'stepUp' ? wait : () => true }
      })
      await clients.open(kind, portOf(site))
      await clients.send(['X-Forwarded-For: 203.0.113.9'])
      await until(() => site.arrived === COUNT && (where === 'behind' || waiting > 0))
      await clients.leave('reset')
      await until(() => site.closed === COUNT)
      open()
      await until(() => site.codes.length + site.handled === COUNT)
      t.equal(site.handled, 0, `${name}, ${where}`)
      t.same(site.codes, Array(COUNT).fill(code))
    }
  }
})
