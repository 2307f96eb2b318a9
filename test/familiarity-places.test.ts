import t from 'tap'
import { CONFIRMED } from '../lib/familiarity/index.ts'
import { decryptPlace, encryptPlace, isImpossible, placeOf } from '../lib/familiarity/places.ts'
import type { Category, IpInfo, VerdictName } from '../types/contract.ts'
import { far, home, risk, service } from './support/visits.ts'

t.test('a journey that nobody can make is impossible, in the time that it takes no more', async t => {
  const { of, learn, wait } = service()
  await learn(CONFIRMED, '203.0.113.1')
  wait(2 * 3_600_000)
  t.equal(await of('198.51.100.1', far), 'impossible')
  wait(24 * 3_600_000)
  t.equal(await of('198.51.100.1', far), 'new', 'a day is enough')
  t.equal(isImpossible({ lat: 52, lon: 13, atMs: 0 }, { lat: 48, lon: 2, atMs: 1000 }), true, 'Berlin to Paris in a second')
  t.equal(isImpossible({ lat: 52, lon: 13, atMs: 0 }, { lat: 50, lon: 9, atMs: 0 }), false, 'databases disagree about nearby places')
})

const { lat, lon, ...nowhere } = far
const { city, ...centroid } = far
interface Row { readonly info: IpInfo, readonly verdict?: VerdictName, readonly categories?: readonly Category[] }
const behind = ['vpn', 'proxy', 'tor', 'hosting', 'relay', 'warp', 'cgnat', 'gateway'] as const
/** Where the place of the address is not the visitor's. */
const ignored: { readonly [name: string]: Row } = {
  'a VPN': { info: far, verdict: 'vpn_detected' },
  'a likely VPN': { info: far, verdict: 'vpn_likely' },
  ...Object.fromEntries(behind.map(category => [`the category ${category}`, { info: far, categories: [category] }])),
  'a mobile gateway': { info: { ...far, type: 'mobile' } },
  'an aircraft': { info: { ...far, isp: 'Gogo Inflight Internet' } },
  'an aircraft by its organisation': { info: { ...far, org: 'Panasonic Avionics' } },
  'the middle of a country': { info: centroid },
  'no coordinates': { info: nowhere },
  'no longitude': { info: { ...nowhere, lat: far.lat! } },
  'coordinates that are none': { info: { ...far, lat: -91 } }
}

t.test('a place that is not the visitor\'s makes no journey, neither there nor back', async t => {
  for (const [name, { info, verdict, categories }] of Object.entries(ignored)) {
    const { of, learn } = service()
    await learn(CONFIRMED, '203.0.113.1')
    t.equal(await of('198.51.100.1', info, verdict, null, categories), 'new', name)
    await learn(CONFIRMED, '198.51.100.1', info, verdict, null, categories)
    t.equal(await of('192.0.2.1', { ...home, asn: 'AS64501' }), 'similar', `${name}, and back home`)
  }
})

t.test('the place is rounded and encrypted for one account', async t => {
  const key = Buffer.alloc(32, 1)
  const place = placeOf(risk('203.0.113.1', home), 5)!
  t.same(place, { lat: 53, lon: 13, atMs: 5 })
  const text = encryptPlace(key, 'ada', place)
  t.same(decryptPlace(key, 'ada', text), place)
  t.equal(decryptPlace(key, 'eve', text), undefined)
  t.equal(decryptPlace(Buffer.alloc(32, 2), 'ada', text), undefined)
  for (const broken of ['', 'x', text.slice(0, -4), `A${text.slice(1)}B`]) t.equal(decryptPlace(key, 'ada', broken), undefined)
  t.not(encryptPlace(key, 'ada', place), text, 'a nonce of its own each time')
})
