import t from 'tap'
import { packagedAsnKinds } from '../lib/lists/asn/kinds.ts'
import { VPN_OPERATOR_ASNS } from '../lib/lists/asn/named-networks.ts'
import { hostersByName, organisationOf, organisations } from '../lib/lists/asn/organisations.ts'
import type { AsnTable } from '../lib/lists/asn/table.ts'
import { densities, serverCounts } from '../lib/lists/compile/vpn-servers.ts'
import { compileSnapshot } from '../lib/lists/compile/compile.ts'
import { densityWeight, WEIGHTS } from '../lib/lists/compile/weights.ts'
import { openDatabase } from '../lib/lists/database/database.ts'
import { type AddressList, NO_RANGES, rangesOf } from '../lib/lists/sources/list.ts'

const NOW = 1_790_000_000
/** AS64500 announces 20.0.0.0/16, AS64501 20.1.0.0/16, and so on. */
function tableOf (...names: readonly string[]): AsnTable {
  return {
    source: 'test',
    numbers: Uint32Array.from(names, (_, i) => 64500 + i),
    names,
    v4: rangesOf(names.map((_, i) => `20.${i}.0.0/16`)).v4,
    v4Asn: Uint32Array.from(names, (_, i) => i),
    v6: new Uint32Array(0),
    v6Asn: new Uint32Array(0)
  }
}
const servers = (publisher: string, ...addresses: readonly string[]): AddressList =>
  ({ id: publisher, kind: 'vpn-server', publisher, ranges: rangesOf(addresses), asns: [], halfLifeDays: 60, dateSeconds: NOW })
const NOBODY: ReadonlySet<number> = new Set()

t.test('an organisation is what is left of a name without legal form and country', async t => {
  for (const name of ['LeaseWeb Netherlands B.V.', 'LEASEWEB HONG KONG LIMITED', 'Leaseweb USA, Inc.', 'Leaseweb Deutschland GmbH']) {
    t.equal(organisationOf(name), 'leaseweb', name)
  }
  t.equal(organisationOf('Trabia SRL'), organisationOf('Trabia S.R.L.'))
  t.not(organisationOf('Hydra Communications Ltd'), organisationOf('Orion Communications Ltd'))
  for (const name of ['Network Solutions Ltd', 'Internet Services LLC', 'The Hosting Company', 'AS64500', '', 'UK Data Centre']) {
    t.equal(organisationOf(name), undefined, `${name || 'no name'} names nobody`)
  }
})

t.test('networks of one organisation are one, unless one of them sells access', async t => {
  const table = tableOf('Acmehost GmbH', 'Other Ltd.', 'ACMEHOST UK LIMITED', 'Hosting Ltd', 'Hosting Inc')
  t.same([...organisations(table, NOBODY)], [0, 1, 0, 3, 4])
  t.same([...organisations(table, new Set([64502]))], [0, 1, 2, 3, 4])
})

t.test('servers in one network of an organisation say something of its other networks', async t => {
  const table = tableOf('Acmehost GmbH', 'Acmehost Inc.', 'Elsewhere Ltd')
  const known = [servers('acme', '20.0.0.1', '20.0.0.2', '20.0.0.3', '20.0.0.4')]
  const weights = (silent: ReadonlySet<number>): number[] =>
    [...densities(serverCounts(known, table, NOW), table, { silent, hosters: NOBODY })].map(kept => kept === 0 ? 0 : densityWeight(kept))
  t.same(weights(NOBODY), [WEIGHTS.density[0][1], WEIGHTS.density[0][1], 0])
  t.same(weights(new Set([64501])), [WEIGHTS.density[0][1], 0, 0])
  t.same(weights(new Set([64500])), [0, 0, 0], 'a silent network says nothing of its siblings')
})

t.test('two servers of one provider say something of a hoster, and nothing of another network', async t => {
  const table = tableOf('Acme', 'Elsewhere')
  const known = [servers('acme', '20.0.0.1', '20.0.0.2', '20.1.0.1', '20.1.0.2')]
  const kept = densities(serverCounts(known, table, NOW), table, { silent: NOBODY, hosters: new Set([64500]) })
  t.same([...kept].map(kept => kept > 0), [true, false])
})

t.test('a network that calls itself a hoster is one, and so is a sibling of a known one', async t => {
  const names = ['Example Hosting Ltd', 'Cloud Nine Inc', 'VPS Lab', 'Youth Hostels', 'Cloudflare Inc', 'Observer Media', 'Colombo Net', 'Acme BV', 'Acme Inc']
  const table = tableOf(...names)
  const found = (mixed: ReadonlySet<number>): string[] => hostersByName(table, [64507], mixed).map(asn => names[asn - 64500]!)
  t.same(found(NOBODY), ['Example Hosting Ltd', 'Cloud Nine Inc', 'VPS Lab', 'Acme Inc'])
  t.same(found(new Set([64500, 64507])), ['Cloud Nine Inc', 'VPS Lab'], 'what sells access is none, nor is its sibling')
})

t.test('networks of VPN providers are no access networks', async t => {
  const { operators, eyeball, gateway, transit } = packagedAsnKinds()
  t.same(operators.filter(asn => [...eyeball, ...gateway, ...transit].includes(asn)), [])
  t.equal(new Set(operators).size, Object.values(VPN_OPERATOR_ASNS).flat().length, 'each once')
})

t.test('no list alone has a whole network detected, however surely that is hosting', async t => {
  const asnTable = tableOf('A Cloud')
  const asns = (id: string, kind: AddressList['kind'], halfLifeDays = 730): AddressList =>
    ({ id, kind, ranges: NO_RANGES, asns: [64500], halfLifeDays, dateSeconds: NOW })
  const hosting = [asns('h1', 'hosting-asn'), { ...asns('h2', 'hosting'), asns: [], ranges: rangesOf(['20.0.0.0/16']) }]
  const verdict = (...lists: readonly AddressList[]): string => {
    const bytes = compileSnapshot([...lists, ...hosting], { nowSeconds: NOW, asnTable })
    return openDatabase(bytes, () => NOW * 1000).answer('20.0.99.1').verdict
  }
  t.equal(verdict(asns('vpn-1', 'vpn-asn')), 'vpn_likely', 'one bad row must not block a cloud')
  t.equal(verdict(asns('vpn-1', 'vpn-asn'), asns('vpn-2', 'vpn-asn')), 'vpn_detected', 'two lists say so')
  t.equal(verdict(asns('x4bnet-vpn-asn', 'vpn-asn'), asns('x4bnet-vpn-v4', 'vpn-asn')), 'vpn_likely', 'two files of one repository')
  t.equal(verdict(asns('x4bnet-vpn-asn', 'vpn-asn'), asns('oxl-vpn-asn', 'vpn-asn')), 'vpn_detected')
  t.equal(verdict(asns('vpn-1', 'vpn-asn'), servers('acme', '20.0.99.2', '20.0.99.3')), 'vpn_detected', 'servers beside it say so')
  t.equal(verdict(asns('ours', 'vpn-asn', Infinity)), 'vpn_detected', 'what the application labels by hand is obeyed')
})

t.test('two files of one repository do not confirm each other as hosting', async t => {
  const score = (first: string, second: string): number | null => {
    const lists: AddressList[] = [
      { id: first, kind: 'hosting', ranges: rangesOf(['20.0.0.0/16']), asns: [], halfLifeDays: 365, dateSeconds: NOW },
      { id: second, kind: 'hosting', ranges: rangesOf(['20.0.0.0/16']), asns: [], halfLifeDays: 365, dateSeconds: NOW }
    ]
    const answer = openDatabase(compileSnapshot(lists, { nowSeconds: NOW }), () => NOW * 1000).answer('20.0.0.1')
    return answer.verdict === 'unknown' ? null : answer.score ?? null
  }
  t.equal(score('x4bnet-datacenter-v4', 'ipcat'), WEIGHTS.hosting.publishedAndListed)
  t.equal(score('x4bnet-datacenter-v4', 'x4bnet-datacenter-asn'), WEIGHTS.hosting.published)
})
