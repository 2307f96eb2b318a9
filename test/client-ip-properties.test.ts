import t from 'tap'
import { isIP } from 'node:net'
import { isDeepStrictEqual } from 'node:util'
import fc from 'fast-check'
import ipaddr from 'ipaddr.js'
import proxyAddr from 'proxy-addr'
import { canonicalAddress } from '../lib/ip/address.ts'
import { createClientIp, createClientIpResolver } from '../lib/client-ip/resolver.ts'
import { scopeOf } from '../lib/ip/address-scope.ts'
import type { ClientIpOptions } from '../types/contract.ts'

const v4 = fc.ipV4()
const v6 = fc.ipV6()
const mapped = fc.ipV4().map(ip => `::ffff:${ip}`)
const address = fc.oneof(v4, v6, mapped)
const noise = fc.oneof(fc.string({ unit: 'binary', maxLength: 40 }), fc.constantFrom('unknown', '', ' ', ',', '"', '\\', 'for=', '[', '%', '_x', '6.6.6.6:x', '1'.repeat(300)))
const forgedLine = fc.array(fc.oneof(address, noise), { maxLength: 6 }).map(parts => parts.join(', '))
const LB = '10.0.0.1'
const EDGE = '173.245.48.5'
const canonical = (ip: string) => canonicalAddress(ip)!
/** What the internet may come from: neither a proxy here, nor unusable. */
const visitorAddress = address.filter(ip => !/^(0\.0\.0\.0|10\.|::$)/.test(canonical(ip)))

t.test('the answer is canonical, or null, whatever stands in the headers', async () => {
  const text = fc.oneof(forgedLine, fc.array(forgedLine, { maxLength: 3 }))
  const fields = { 'x-forwarded-for': text, forwarded: text, 'x-real-ip': text, 'cf-connecting-ip': text, 'cf-connecting-ipv6': text }
  const headers = fc.record(fields, { requiredKeys: [] })
  const options: ClientIpOptions[] = [
    {}, { trusted: [LB] }, { trusted: [LB], cloudflare: true }, { hops: 2 }, { hops: 2, cloudflare: true, trusted: [LB] },
    { dangerouslyTrustEveryHop: true },
    { trusted: [LB], header: 'forwarded' }, { trusted: [LB], header: 'x-real-ip', cloudflare: true }
  ]
  const peer = fc.oneof(fc.constantFrom(LB, EDGE, undefined, '::ffff:10.0.0.1', 'fe80::1%eth0', ''), address, noise)
  fc.assert(fc.property(fc.constantFrom(...options.map(given => createClientIp(given))), peer, headers, (finder, remoteAddress, sent) => {
    const request = { socket: { remoteAddress }, headers: sent }
    const { ip, scope, version, hops } = finder.resolve(request)
    const explained = finder.explain(request)
    if (explained.result.ip !== ip || explained.chain.length === 0) return false
    if (ip === null) return scope === null && version === undefined
    return isIP(ip) === version && canonicalAddress(ip) === ip && scope === scopeOf(ip) && hops >= 0 && hops <= 32
  }), { numRuns: 3000 })
})

t.test('what the visitor writes never changes the answer, behind one proxy or two', async () => {
  const claim = fc.option(forgedLine)
  const chain = fc.record({ visitor: visitorAddress, forged: fc.array(forgedLine, { maxLength: 3 }), cf: claim, realIp: claim })
  const walk = createClientIpResolver({ trusted: ['10.0.0.0/8'], cloudflare: { ranges: ['192.0.2.0/24'] } })
  const count = createClientIpResolver({ hops: 2 })
  const forwarded = createClientIpResolver({ trusted: ['10.0.0.0/8'], header: 'forwarded' })
  fc.assert(fc.property(chain, ({ visitor, forged, cf, realIp }) => {
    const claims = { ...(cf === null ? {} : { 'cf-connecting-ip': cf }), ...(realIp === null ? {} : { 'x-real-ip': realIp }) }
    const lines = [...forged, visitor, '10.0.0.2'] // what two proxies append
    const request = (headers: Record<string, string>) => ({ socket: { remoteAddress: LB }, headers: { ...claims, ...headers } })
    const node = (ip: string) => ip.includes(':') ? `for="[${ip}]"` : `for=${ip}`
    const answers = [
      walk(request({ 'x-forwarded-for': lines.join(', ') })),
      count(request({ 'x-forwarded-for': lines.join(', ') })),
      forwarded(request({ forwarded: [...forged, node(visitor), node('10.0.0.2')].join(', ') }))
    ]
    return answers.every(({ ip }) => ip === canonical(visitor)) || canonical(visitor).startsWith('192.0.2.')
  }), { numRuns: 2000 })
})

t.test('a peer that no option names is the answer, whatever it writes', async () => {
  const resolve = createClientIpResolver({ trusted: [LB], cloudflare: { ranges: ['192.0.2.0/24'] } })
  fc.assert(fc.property(visitorAddress, forgedLine, (remoteAddress, line) => {
    const { ip, source } = resolve({ socket: { remoteAddress }, headers: { 'x-forwarded-for': line, 'cf-connecting-ip': line, forwarded: line } })
    return (ip === canonical(remoteAddress) && source === 'remote_address') || canonical(remoteAddress).startsWith('192.0.2.')
  }), { numRuns: 1000 })
})

t.test('agrees with proxy-addr on every chain that it can parse', async () => {
  const trusted = ['10.0.0.0/8', '192.168.0.0/16', '2001:db8::/32']
  const resolve = createClientIpResolver({ trusted })
  const trust = proxyAddr.compile(trusted)
  const inside = fc.oneof(fc.nat(255).map(n => `10.0.${n}.1`), fc.nat(255).map(n => `::ffff:192.168.1.${n}`), fc.nat(255).map(n => `2001:db8::${n.toString(16)}`))
  const entry = fc.oneof({ weight: 3, arbitrary: inside }, { weight: 1, arbitrary: address.filter(ip => !/^(0\.0\.0\.0|::)$/.test(canonical(ip))) })
  fc.assert(fc.property(entry, fc.array(entry, { maxLength: 8 }), (remoteAddress, list) => {
    const request = { socket: { remoteAddress }, headers: { 'x-forwarded-for': list.join(', ') } }
    return resolve(request).ip === canonical(proxyAddr(request as never, trust))
  }), { numRuns: 3000 })
})

t.test('agrees with ipaddr.js on canonical text and on the scopes that it knows', async () => {
  const known: Readonly<Record<string, readonly string[]>> = {
    unspecified: ['unspecified', 'this_network'],
    broadcast: ['broadcast'],
    multicast: ['multicast'],
    linkLocal: ['link_local'],
    loopback: ['loopback'],
    carrierGradeNat: ['shared'],
    private: ['private'],
    uniqueLocal: ['private'],
    benchmarking: ['benchmarking'],
    '6to4': ['6to4'],
    teredo: ['teredo']
  }
  fc.assert(fc.property(fc.oneof(v4, v6), ip => {
    // The canonical text: ::192.0.2.1 it takes for a mapped address.
    const theirs = ipaddr.process(canonical(ip))
    if (theirs.toString() !== canonical(ip)) return false
    const scopes = known[theirs.range()]
    return scopes === undefined || scopes.includes(scopeOf(ip)!)
  }), { numRuns: 2000 })
})

t.test('a resolver that has seen other requests answers as a new one does', async () => {
  const OTHER = '10.0.0.9'
  const few = fc.integer({ min: 0, max: 60 }).map(i => i < 30 ? `203.0.113.${i}` : `${i}.0.113.${i % 3}`) // some share a slot
  const text = fc.oneof(v4, few, forgedLine, fc.tuple(forgedLine, v4).map(parts => parts.join(', ')), fc.array(forgedLine, { maxLength: 3 }))
  const fields = { 'x-forwarded-for': fc.oneof(few, text), forwarded: text, 'x-real-ip': text, 'cf-connecting-ip': text }
  const headers = fc.record(fields, { requiredKeys: [] })
  const rawHeaders = fc.constantFrom(undefined, [], Array<string>(2000).fill('x'))
  const options: ClientIpOptions[] = [
    { trusted: [LB, OTHER] }, { trusted: [LB, OTHER, '203.0.113.0/28', '32.0.0.0/3'] }, { trusted: [LB, OTHER], cloudflare: true },
    { trusted: [LB, OTHER], cloudflare: false }, { hops: 1 }, { dangerouslyTrustEveryHop: true }, { trusted: [LB, OTHER], header: 'forwarded' }
  ]
  const resolver = fc.constantFrom(...options.map(given => ({ given, old: createClientIpResolver(given) })))
  fc.assert(fc.property(resolver, headers, rawHeaders, fc.constantFrom(LB, OTHER), ({ given, old }, sent, rawHeaders, remoteAddress) => {
    const request = { socket: { remoteAddress }, headers: sent, ...rawHeaders !== undefined && { rawHeaders } }
    return isDeepStrictEqual(old(request), createClientIpResolver(given)(request))
  }), { numRuns: 3000 })
})
