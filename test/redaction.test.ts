import fc from 'fast-check'
import Fastify from 'fastify'
import t from 'tap'
import ipRisk from '../lib/index.ts'
import { canonicalAddress } from '../lib/ip/address.ts'
import { redactAddress, redactStrings } from '../lib/ip/redact.ts'
import { scopeOf } from '../lib/ip/address-scope.ts'
import type { DecisionRecord, KnownAnswer } from '../types/contract.ts'
import { testEngine } from './support/engine.ts'
import { until } from './support/until.ts'
import { pinoLog } from './support/log.ts'
import { type RedisServer, startRedis } from './support/redis.ts'
import { answer, tableProvider } from './support/table-provider.ts'

const hex = (value: number, digits: number): string => value.toString(16).padStart(digits, '0')

function spellings4 (octets: readonly number[]): string[] {
  const [a, b, c, d] = octets as [number, number, number, number]
  const bytes = octets.map(octet => hex(octet, 2))
  const padded = octets.map(octet => String(octet).padStart(3, '0'))
  const orders = [octets, octets.toReversed(), [d, a, b, c]]
  return [
    ...orders.flatMap(order => ['.', '-', '_', 'x', '[.]', ' . '].map(separator => order.join(separator))),
    padded.join('-'), padded.join('.'), padded.join(''), padded.toReversed().join('-'),
    bytes.join(''), bytes.join('').toUpperCase(), bytes.join('-'), `0x${bytes.join('')}`, octets.map(octet => `0x${octet.toString(16)}`).join('.'),
    String(Number(`0x${bytes.join('')}`)), `::ffff:${octets.join('.')}`, `::FFFF:${bytes[0]}${bytes[1]}:${bytes[2]}${bytes[3]}`.toUpperCase(),
    canonicalAddress(`64:ff9b::${octets.join('.')}`)!, canonicalAddress(`2002:${bytes[0]}${bytes[1]}:${bytes[2]}${bytes[3]}::1`)!,
    `host${d}.${a}-${b}-${c}`
  ]
}

function spellings6 (groups: readonly number[]): string[] {
  const full = groups.map(group => hex(group, 4))
  const short = groups.map(group => group.toString(16))
  const canonical = canonicalAddress(short.join(':'))!
  const nibbles = [...full.join('')]
  const tail = [groups[6]! >> 8, groups[6]! & 255, groups[7]! >> 8, groups[7]! & 255].join('.')
  return [
    canonical, canonical.toUpperCase(), canonical.replaceAll(':', '-'), canonical.replaceAll(':', '_'), full.join(':'), full.join(':').toUpperCase(),
    full.join('-'), full.join(''), full.join('').toUpperCase(), short.join(':'), short.join('-'), nibbles.join('.'),
    `${nibbles.toReversed().join('.')}.ip6.arpa`, nibbles.toReversed().join(''), BigInt(`0x${full.join('')}`).toString(),
    `${short.slice(0, 6).join(':')}:${tail}`
  ]
}

const address4 = fc.array(fc.integer({ min: 0, max: 255 }), { minLength: 4, maxLength: 4 })
  .filter(octets => scopeOf(octets.join('.')) === 'public')
  .map(octets => ({ ip: octets.join('.'), spellings: spellings4(octets) }))
const group = fc.oneof(fc.constant(0), fc.constant(1), fc.integer({ min: 0, max: 0xffff }))
const address6 = fc.tuple(fc.integer({ min: 0x2400, max: 0x2fff }), fc.array(group, { minLength: 7, maxLength: 7 }))
  .map(([first, rest]) => [first, ...rest])
  .map(groups => ({ ip: canonicalAddress(groups.map(group => hex(group, 4)).join(':'))!, spellings: spellings6(groups) }))
const spelled = fc.oneof(address4, address6)
  .chain(({ ip, spellings }) => fc.record({ ip: fc.constant(ip), spelling: fc.constantFrom(...spellings) }))
const before = fc.constantFrom('', 'pool ', 'host-', 'dyn', '(', 'static.', 'Łódź: ', '=')
const after = fc.constantFrom('', '.in-addr.arpa', '.isp.example', ' is on a list', ')', ', twice')

t.test('no spelling of the address is left in a text, and what stands around it stays', async t => {
  fc.assert(fc.property(spelled, before, after, ({ ip, spelling }, before, after) => {
    const text = redactAddress(ip, '[address]')(`${before}${spelling}${after}`)
    const core = text.slice(before.length, text.length - after.length)
    return text.startsWith(before) && text.endsWith(after) && core.includes('[address]') && core.replace('[address]', '').length < 12 &&
      !text.toLowerCase().includes(spelling.toLowerCase())
  }), { numRuns: 5000 })
  t.pass()
})

t.test('other texts stay as they are, and so does the object that holds them', async t => {
  const texts = [
    'AS64500 Hetzner Online GmbH', '203.0.113.31', '203.0.113.0/24', '12 of 256 neighbours', '2026-11-25T10:00:00Z', '1 2 3 4 5', 'dead beef cafe',
    '2001:db8::2', 'a::b', '', '::', 'vpn_asn_density'
  ]
  for (const ip of ['203.0.113.30', '2001:db8::1', '2600::']) {
    const redact = redactAddress(ip, '[address]')
    for (const text of texts) t.equal(redact(text), text)
    const answer = { signals: texts.map(detail => ({ type: 'x', detail })), score: 0.3, city: null }
    t.equal(redactStrings(answer, redact), answer)
  }
  t.equal(redactAddress('2600::', 'X')('from 2600::, Sprint'), 'from X, Sprint')
  t.equal(redactAddress('2002:cb00:711e::1', 'X')('the client 203.0.113.30 by 6to4'), 'the client X by 6to4')
  t.equal(redactAddress('no address', 'X')('1.2.3.4'), '1.2.3.4')
})

t.test('a long text without the address costs no more than its length', async t => {
  const redact = redactAddress('10.0.0.0', 'X')
  for (const part of ['0', 'a', '0:', '0.', ':', 'a0-', '0x']) {
    const long = part.repeat(50_000)
    t.equal(redact(`${long}z`).length > 0, true)
  }
})

const fields = ['type', 'detail', 'org', 'isp', 'asn', 'country', 'city', 'infoType', 'vpnProvider', 'sources', 'requestId'] as const
const sixty = { minLength: 60, maxLength: 60, selector: ([{ ip }]: readonly [{ readonly ip: string }, unknown]) => ip }
const sample = fc.sample(fc.uniqueArray(fc.tuple(spelled, fc.constantFrom(...fields)), sixty), 1)[0]!

/** One text about the address in one field. */
function saying (field: (typeof fields)[number], text: string): KnownAnswer {
  const { type = 'x', detail = '', requestId, infoType, sources, ...info } = { [field]: text } as Partial<Record<(typeof fields)[number], string>>
  return answer('vpn_detected', {
    signals: [{ type, weight: 1, detail }],
    info: { ...info, ...infoType !== undefined && { type: infoType }, ...sources !== undefined && { vpnProviderSources: [sources] } },
    ...requestId !== undefined && { requestId }
  })
}
const provider = () => tableProvider(Object.fromEntries(sample.map(([{ ip, spelling }, field]) => [ip, saying(field, `host-${spelling}.isp`)])))

t.test('under keySecret no spelling of an address is anywhere in Redis, whatever text of the provider holds it', async t => {
  const redis: RedisServer = await startRedis()
  t.teardown(() => redis.stop())
  const { ask } = await testEngine(t, { provider: provider(), redis: redis.url, cache: { keySecret: 'a secret of some length', keyPrefix: 'verdict:' } })
  for (const [{ ip }] of sample) t.equal((await ask(ip)).answer.verdict, 'vpn_detected')
  let keys: string[] = []
  await until(async () => (keys = await redis.client.keys('verdict:*')).length === sample.length)
  const everything = (await Promise.all(keys.map(async key => `${key} ${await redis.client.get(key)}`))).join('\n').toLowerCase()
  t.match(everything, '[address]')
  t.strictSame(sample.filter(([{ spelling }]) => everything.includes(spelling.toLowerCase())), [])
})

t.test('with logAddress and recordAddress none no spelling of an address is in a record or a log line', async t => {
  const { lines, logger } = pinoLog('debug')
  const records: DecisionRecord[] = []
  const app = Fastify({ logger })
  t.teardown(() => app.close())
  await app.register(ipRisk, { provider: provider(), logAddress: 'none', recordAddress: 'none', onDecision: record => { records.push(record) } })
  app.post('/signup', { config: { ipRisk: 'signup' } }, async () => 'ok')
  for (const [{ ip }] of sample) await app.inject({ method: 'POST', url: '/signup', remoteAddress: ip })
  t.equal(records.length, sample.length)
  const everything = JSON.stringify([records, lines.filter(line => 'ipRisk' in line)]).toLowerCase()
  t.match(everything, '[address]')
  t.strictSame(sample.filter(([{ spelling }]) => everything.includes(spelling.toLowerCase())), [])
})
