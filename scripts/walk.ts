// The files of lib/ that run for one request: a memory hit, and a cold lookup at a fake of IPLogs. CONTRIBUTING.md names those that a
// reader needs, and test/contributing.test.ts compares the two.
//   node --import ./scripts/strip-types.js scripts/walk.ts [redis://127.0.0.1:6379]
import { Session } from 'node:inspector/promises'
import Fastify from 'fastify'
import ipRisk, { iplogs } from '../lib/index.ts'
import { fakeIplogs } from '../lib/testing/index.ts'

const lib = new URL('../lib/', import.meta.url).href
const [redis] = process.argv.slice(2)
const vendor = await fakeIplogs()
const app = Fastify()
await app.register(ipRisk, { provider: iplogs({ baseUrl: vendor.url }), clientIp: { trusted: ['loopback'] }, redis })
app.post('/', { config: { ipRisk: { action: 'signup' } } }, async request => request.ipRisk?.verdict)
await app.ready()
const ask = (ip: string) => app.inject({ method: 'POST', url: '/', headers: { 'x-forwarded-for': ip } })
await ask('203.0.113.9')

const session = new Session()
session.connect()
await session.post('Profiler.enable')
await session.post('Profiler.startPreciseCoverage', { callCount: true, detailed: false })
for (const [name, ip] of [['memory hit', '203.0.113.9'], ['cold lookup', `203.0.113.${10 + process.pid % 200}`]] as const) {
  await session.post('Profiler.takePreciseCoverage') // starts counting anew
  await ask(ip)
  const { result } = await session.post('Profiler.takePreciseCoverage')
  const files = result.filter(({ url, functions }) => url.startsWith(lib) && !url.startsWith(`${lib}testing/`) &&
    functions.some(({ ranges }) => ranges[0]!.count > 0))
  console.log(`${name}: ${files.length} files`)
  for (const { url } of files) console.log(`  lib/${url.slice(lib.length)}`)
}
session.disconnect()
await app.close()
await vendor.close()
