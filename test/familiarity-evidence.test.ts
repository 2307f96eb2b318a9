import t from 'tap'
import { CONFIRMED, TRUSTED } from '../lib/familiarity/index.ts'
import { createFamiliarity } from '../lib/familiarity/familiarity.ts'
import { shareOfAddresses } from '../lib/policy/index.ts'
import type { IpRisk } from '../types/contract.ts'
import { bounds, DAY_MS, far, home, risk, service } from './support/visits.ts'

t.test('a thief with the password does not move the last place by logging in: the next write is impossible, too', async t => {
  const { of, learn, wait } = service()
  await learn(CONFIRMED, '203.0.113.1')
  wait(3_600_000)
  await learn(TRUSTED, '198.51.100.1', far)
  t.equal(await of('198.51.100.1', far), 'impossible')
  t.equal(await of('192.0.2.1', { ...home, asn: 'AS64501' }), 'similar', 'nor does that make the owner a traveller')
  await learn(CONFIRMED, '198.51.100.1', far)
  t.equal(await of('192.0.2.1', { ...home, asn: 'AS64501' }), 'impossible', 'a second factor moves it')
})

t.test('trust() moves the last place in the time that a journey takes', async t => {
  const { of, learn, wait } = service()
  await learn(TRUSTED, '203.0.113.1')
  wait(DAY_MS)
  await learn(TRUSTED, '198.51.100.1', far)
  t.equal(await of('192.0.2.1', { ...home, asn: 'AS64501' }), 'impossible')
})

t.test('providers may write an AS number in several ways', async t => {
  const { of, learn } = service()
  await learn(CONFIRMED, '203.0.113.1', { asn: 'AS64500' })
  for (const asn of ['64500', 'as64500', 'AS64500 Example']) t.equal(await of('203.0.113.1', { asn }), 'known', asn)
  t.equal(await of('203.0.113.1', { asn: 'AS6450' }), 'new')
})

t.test('clients of a translator are in the network of the IPv4 address inside', async t => {
  for (const embedded of [(ipv4: string) => `64:ff9b::${ipv4}`, (ipv4: string) => `2001:0:4136:e378:8000:63bf:${ipv4}`, (ipv4: string) => `2002:${ipv4}::1`]) {
    const inverted = embedded('').startsWith('2001')
    const [here, near, other] = inverted ? ['34ff:8efe', '34ff:8e01', '34ff:8dfe'] : ['cb00:7101', 'cb00:71fe', 'cb00:7201']
    const { of, learn } = service()
    await learn(CONFIRMED, embedded(here!))
    t.equal(await of(embedded(near!)), 'known', embedded(near!))
    t.equal(await of(embedded(other!)), 'similar', embedded(other!))
    t.equal(await of(embedded(here!)), 'known')
  }
})

t.test('a share counts them by the IPv4 address inside, too', t => {
  const has = shareOfAddresses('a secret of some length', 0.5, 'payment')
  const sides = new Set(Array.from({ length: 64 }, (_, i) => has(`64:ff9b::cb00:71${(i + 16).toString(16)}`)))
  t.equal(sides.size, 2)
  t.equal(has('64:ff9b::cb00:7110'), has('203.0.113.16'))
  t.end()
})

t.test('while the provider does not answer, nobody becomes a stranger', async t => {
  const { accounts, of, learn } = service()
  const outage: IpRisk = { ...risk('203.0.113.1'), verdict: 'unknown', reason: 'unavailable' }
  const during = async () => await accounts.of({ account: 'ada', device: null, risk: outage }, bounds)
  t.equal(await during(), 'first')
  await learn(CONFIRMED, '203.0.113.1')
  t.equal(await during(), 'unknown')
  t.equal(await of('203.0.113.1', {}, 'clean'), 'new', 'an answer without a network is one')
})

t.test('accounts whose ids are not well-formed texts are not mixed up', async t => {
  const accounts = createFamiliarity({ redis: undefined, secrets: undefined, keyPrefix: '', now: Date.now })
  await accounts.learn({ account: 'ada \ud800', device: null, risk: risk('203.0.113.1', home) }, CONFIRMED, bounds)
  t.equal(await accounts.of({ account: 'ada \ud801', device: null, risk: risk('203.0.113.1', home) }, bounds), 'first')
})
