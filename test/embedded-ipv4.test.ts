import { channel } from 'node:diagnostics_channel'
import t, { type Test } from 'tap'
import Fastify, { type FastifyInstance } from 'fastify'
import ipRisk from '../lib/index.ts'
import { lookupAddress } from '../lib/ip/address-scope.ts'
import type { IpRisk, LookupRecord } from '../types/contract.ts'
import type { FastifyIpRiskOptions } from '../types/fastify.ts'
import { answer, tableProvider, type TableProvider } from './support/table-provider.ts'

const VPN = '8.8.4.4'
const NAT64 = '64:ff9b::808:404'
const SIX_TO_FOUR = '2002:808:404::1'
const TEREDO = '2001:0:4136:e378:8000:63bf:f7f7:fbfb' // the client's address stands inverted in the last 32 bits
const embedding = [NAT64, SIX_TO_FOUR, TEREDO]

interface Tried { readonly app: FastifyInstance, readonly provider: TableProvider, post (ip: string): Promise<IpRisk> }

async function application (t: Test, options: FastifyIpRiskOptions = {}): Promise<Tried> {
  const provider = tableProvider({ [VPN]: 'vpn_detected', '9.9.9.9': 'clean' })
  const app = Fastify()
  t.teardown(() => app.close())
  await app.register(ipRisk, { provider, mode: 'monitor', clientIp: { trusted: ['10.0.0.1'] }, ...options })
  app.post('/', { config: { ipRisk: 'signup' } }, async request => request.ipRisk)
  return {
    app,
    provider,
    post: async ip => (await app.inject({ method: 'POST', url: '/', remoteAddress: '10.0.0.1', headers: { 'x-forwarded-for': ip } })).json()
  }
}

t.test('a 6to4, Teredo or NAT64 client is looked up and cached by its public IPv4 address, and keeps its own', async t => {
  const { app, provider, post } = await application(t)
  for (const ip of embedding) t.match(await post(ip), { ip, verdict: 'vpn_detected', decision: 'block' }, ip)
  t.match(await post('64:ff9b::8.8.4.4'), { ip: NAT64, verdict: 'vpn_detected', cache: 'memory' }, 'in any spelling')
  t.match(await post(VPN), { ip: VPN, cache: 'memory' })
  t.match(await app.ipRisk.lookup(TEREDO), { ip: TEREDO, cache: 'memory' })
  t.same(provider.calls, [VPN], 'one question for all of them')
})

t.test('what is no public address inside, or only looks like one of these, is not looked up', async t => {
  const { provider, post } = await application(t)
  const others = [
    '64:ff9b::10.0.0.7', '2002:a00:7::1', '2001::f5ff:fff8', '64:ff9b::127.0.0.1', '2002::1', '64:ff9b:1::808:404', '::8.8.4.4', '::ffff:0:808:404', '10.0.0.7'
  ]
  for (const ip of others) t.match(await post(ip), { reason: 'not_public' }, ip)
  t.same(provider.calls, [])
  t.equal(lookupAddress('203.0.113.9', 'documentation'), '203.0.113.9')
  t.equal(lookupAddress('64:ff9b::203.0.113.9', 'translation'), '203.0.113.9')
})

t.test('NAT64 clients of one translator do not share the bound of one /64', async t => {
  const { post } = await application(t)
  for (let i = 1; i <= 12; i++) t.not((await post(`64:ff9b::9.9.8.${i}`)).reason, 'overloaded')
})

t.test('invalidate() forgets by either address, and allow() lets pass the one address that it names', async t => {
  const { app, provider, post } = await application(t)
  await post(NAT64)
  await app.ipRisk.invalidate(SIX_TO_FOUR)
  await post(VPN)
  t.same(provider.calls, [VPN, VPN])
  await app.ipRisk.allow(VPN, { ttlSeconds: 60 })
  t.match(await post(VPN), { decision: 'allow' })
  for (const ip of embedding) t.match(await post(ip), { decision: 'block' }, 'anybody can make up an address with an allowed one in it')
  await app.ipRisk.allow(NAT64, { ttlSeconds: 60 })
  t.match(await post(NAT64), { decision: 'allow' })
  t.match(await post(TEREDO), { decision: 'block' })
})

t.test('a deny list meets the address inside, and an allow list only the address itself', async t => {
  const denied = await application(t, { deny: [VPN] })
  const mapped = [...embedding, '::8.8.4.4', '::ffff:0:808:404', '::ffff:8.8.4.4', '::ffff:8.8.4.4%1', '64:ff9b::8.8.4.4']
  for (const ip of mapped) t.match(await denied.post(ip), { reason: 'listed', provider: 'none', decidedBy: 'deny_list', decision: 'block' }, ip)
  t.match(await denied.post('64:ff9b::9.9.9.9'), { verdict: 'clean' })

  const allowed = await application(t, { allow: [VPN], deny: ['8.8.0.0/16'] })
  t.match(await allowed.post(VPN), { reason: 'listed', decision: 'allow' })
  for (const ip of embedding) t.match(await allowed.post(ip), { provider: 'none', decidedBy: 'deny_list', decision: 'block' }, ip)

  const itself = await application(t, { allow: ['64:ff9b::/96'], deny: [VPN] })
  t.match(await itself.post(NAT64), { decision: 'allow' }, 'the operator named it')
})

t.test('a bulk run asks once for all the addresses that carry one IPv4 address', async t => {
  const { app, provider } = await application(t)
  const rows = new Map<string, IpRisk>()
  for await (const [ip, risk] of app.ipRisk.bulk([...embedding, VPN, '9.9.9.9', '64:ff9b::10.0.0.7'])) rows.set(ip, risk)
  for (const ip of [...embedding, VPN]) t.match(rows.get(ip), { ip, verdict: 'vpn_detected' }, ip)
  t.match(rows.get('64:ff9b::a00:7'), { reason: 'not_public' })
  t.equal(rows.size, 6)
  t.same(provider.calls, [VPN, '9.9.9.9'])
})

t.test('a provider for IPv4 alone answers for them, and no record names the address inside', async t => {
  const provider = tableProvider(
    { [VPN]: answer('vpn_detected', { signals: [{ type: 'x', weight: 1, detail: `${VPN} is an exit` }] }) }, { families: [4] }
  )
  const told: string[] = []
  const { app, post } = await application(t, { provider, recordAddress: 'none', onDecision: record => { told.push(JSON.stringify(record)) } })
  const lookups: LookupRecord[] = []
  const heard = (record: unknown): void => { lookups.push(record as LookupRecord) }
  channel('fastify-ip-risk:lookup').subscribe(heard)
  t.teardown(() => channel('fastify-ip-risk:lookup').unsubscribe(heard))
  t.match(await post(NAT64), { verdict: 'vpn_detected' })
  t.notMatch(told.join(), /8\.8\.4\.4/)
  t.match(lookups, [{ address: null, verdict: 'vpn_detected' }])
  await app.close()
})
