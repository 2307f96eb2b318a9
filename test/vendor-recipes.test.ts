import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import t from 'tap'
import type { Provider } from '../types/contract.ts'
import { fakeServer, type FakeCall, type FakeReply } from '../lib/testing/fake-server.ts'
import { bareContext, said } from './support/guard.ts'

/** The recipes of docs/vendors.md, run as they are printed there, against replies from the vendors' documentation. */
const ip = '203.0.113.9'
const text = readFileSync(join(import.meta.dirname, '../docs/vendors.md'), 'utf8')
const recipes = [...text.matchAll(/^```ts\n(.*?)^```$/gms)].map(([, code]) => code!).filter(code => code.includes('export const'))

type Case = readonly [expected: string, body: unknown, status?: number, headers?: Record<string, string>]
interface Recipe {
  /** Whether the call has the key where the vendor takes it. */
  readonly hasKey: (call: FakeCall) => boolean
  readonly cases: readonly Case[]
}

const unmarked = { is_vpn: false, is_proxy: false, is_tor: false, is_tor_exit: false }
const none = { vpn: false, proxy: false, tor: false, relay: false }
const vendors: Readonly<Record<string, Recipe>> = {
  iphub: {
    hasKey: ({ headers }) => headers['x-key'] === 'hush',
    cases: [
      ['vpn_likely', { ip, block: 1 }], ['suspicious', { ip, block: 2 }], ['clean', { ip, block: 0 }], ['bad_response', { ip, block: 3 }],
      ['bad_response', { error: 'invalid key' }], ['bad_response', { ip: '203.0.113.8', block: 0 }], ['quota_exhausted', {}, 429], ['rejected', {}, 403]
    ]
  },
  vpnapi: {
    hasKey: ({ url }) => url.searchParams.get('key') === 'hush',
    cases: [
      ['vpn_detected', { ip, security: { ...none, vpn: true } }], ['vpn_likely', { ip, security: { ...none, proxy: true } }],
      ['clean', { ip, security: { ...none, relay: true, vpn: true } }], ['clean', { ip, security: none }], ['bad_response', { ip, message: 'x' }],
      ['bad_response', { ip, security: { ...none, vpn: 'no' } }], ['quota_exhausted', {}, 429], ['rejected', {}, 403]
    ]
  },
  ipregistry: {
    hasKey: ({ headers }) => headers.authorization === 'ApiKey hush',
    cases: [
      ['vpn_detected', { ip, security: { ...unmarked, is_vpn: true } }], ['vpn_detected', { ip, security: { ...unmarked, is_tor_exit: true } }],
      ['clean', { ip, security: unmarked }, 200, { 'ipregistry-credits-remaining': '9' }], ['bad_response', { ip }],
      ['bad_response', { ip, security: { is_vpn: false } }], ['bad_response', { ip, security: { ...unmarked, is_proxy: null } }],
      ['quota_exhausted', { code: 'INSUFFICIENT_CREDITS' }, 402], ['rate_limited', { code: 'TOO_MANY_REQUESTS' }, 429],
      ['rejected', { code: 'INVALID_API_KEY' }, 401], ['bad_response', { code: 'INTERNAL' }]
    ]
  },
  crowdsec: {
    hasKey: ({ headers }) => headers['x-api-key'] === 'hush',
    cases: [
      ['suspicious', { ip, reputation: 'malicious', confidence: 'high' }], ['vpn_likely', { ip, reputation: 'known', history: { proxy_or_vpn: true } }],
      ['clean', { ip, reputation: 'safe' }], ['no_data', { message: 'not found' }, 404], ['no_data', { ip, reputation: 'unknown' }],
      ['bad_response', { ip, reputation: 'safe', history: { proxy_or_vpn: 'yes' } }], ['no_data', { ip, reputation: 'known' }],
      ['bad_response', { ip }], ['quota_exhausted', {}, 429], ['rejected', {}, 403]
    ]
  },
  spur: {
    hasKey: ({ headers }) => headers['token'] === 'hush',
    cases: [
      ['vpn_detected', { ip, tunnels: [{ type: 'VPN', anonymous: true }] }], ['suspicious', { ip, tunnels: [{ type: 'VPN' }] }],
      ['vpn_likely', { ip, client: { proxies: ['NETNUT_PROXY'] } }], ['clean', { ip, infrastructure: 'RESIDENTIAL' }, 200, { 'x-balance-remaining': '7' }],
      ['suspicious', { ip, infrastructure: 'RESIDENTIAL', tunnels: [{ type: 'I2P' }] }], ['suspicious', { ip, infrastructure: 'MOBILE', risks: ['TUNNEL'] }],
      ['no_data', { ip }], ['no_data', {}, 404], ['bad_response', { ip, tunnels: 'none' }], ['quota_exhausted', {}, 429]
    ]
  },
  ipdata: {
    hasKey: ({ url }) => url.searchParams.get('api-key') === 'hush',
    cases: [
      ['vpn_detected', { ip, threat: { is_tor: true, is_proxy: false } }], ['clean', { ip, threat: { is_tor: false, is_proxy: false } }],
      ['clean', { ip, threat: { is_tor: false, is_proxy: false, is_icloud_relay: true, is_anonymous: true } }],
      ['suspicious', { ip, threat: { is_tor: false, is_proxy: false, is_datacenter: true } }], ['bad_response', { ip, threat: {} }],
      ['bad_response', { message: 'x' }], ['quota_exhausted', { message: 'exceeded your quota' }, 403], ['rejected', {}, 401]
    ]
  }
}

t.test('each recipe of the documentation reads what its vendor sends', async t => {
  const folder = t.testdir(Object.fromEntries(recipes.map((code, i) => [`recipe-${i}.ts`, code])))
  const modules = await Promise.all(recipes.map(async (_, i) => await import(pathToFileURL(join(folder, `recipe-${i}.ts`)).href) as object))
  const all: Record<string, (key: string, baseUrl: string) => Provider> = Object.assign({}, ...modules)
  t.same(Object.keys(all).sort(), Object.keys(vendors).sort())
  for (const [name, { hasKey, cases }] of Object.entries(vendors)) {
    let reply: FakeReply = { text: '{}', asked: [] }
    let keyed = true
    const server = await fakeServer(call => {
      keyed &&= hasKey(call)
      return reply
    })
    const provider = all[name]!('hush', server.url)
    for (const [expected, body, status = 200, headers = {}] of cases) {
      reply = { status, headers, text: JSON.stringify(body), asked: [] }
      const answer = await provider.lookup(ip, bareContext())
      t.equal(await said(answer), expected, `${name} ${status} ${JSON.stringify(body)}`)
      t.notMatch(JSON.stringify(answer), /hush/)
    }
    for (const body of ['', 'null', '[]', '42', '"clean"', '{"ip":1}']) {
      reply = { text: body, asked: [] }
      t.equal(await said(provider.lookup(ip, bareContext())), 'bad_response', `${name} ${body}`)
    }
    t.ok(keyed, `${name} sends the key where the vendor takes it`)
    await provider.close!()
    await server.close()
  }
})
