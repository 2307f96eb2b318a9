import t from 'tap'
import type { LookupContext, Provider, ProviderAnswer } from '../types/contract.ts'
import { hostnameKind } from '../lib/lists/database/hostname.ts'
import { lists, type ListsOptions } from '../lib/providers/lists/index.ts'
import { memoryLog } from './support/log.ts'

const SOURCES: NonNullable<ListsOptions['sources']> = [
  { id: 'hoster', kind: 'hosting', entries: ['192.0.2.0/24'] },
  { id: 'servers', kind: 'vpn-server', entries: ['192.0.2.200'] },
  { id: 'relay', kind: 'relay', entries: ['203.0.113.0/24'] }
]
function ask (provider: Provider, ip: string, log = memoryLog()): unknown[] {
  const answer = provider.lookup(ip, { log, write: false } as unknown as LookupContext) as ProviderAnswer
  return answer.verdict === 'unknown' ? [answer.reason] : [answer.verdict, answer.score, answer.categories]
}

t.test('a name says VPN or hosting by its words and domain, and most names say nothing', async t => {
  for (const name of ['vpn.example.com', 'us-nyc-vpn12.example', 'de123.nordvpn.com', 'NL-AMS.Mullvad.net.', 'tor-exit3.example', 'torexit.example', 'proxy1.example']) {
    t.equal(hostnameKind(name), 'vpn', name)
  }
  for (const name of ['ec2-3-5-140-1.eu-west-1.compute.amazonaws.com', 'static.1.1.216.95.clients.your-server.de', 'vps-1a2b.example', 'srv4.example']) {
    t.equal(hostnameKind(name), 'hosting', name)
  }
  for (const name of [
    '', '.', 'c-24-0-0-1.hsd1.nj.comcast.net', 'p5b0c1.dip0.t-ipconnect.de', 'observer.example', 'notnordvpn.com', 'nordvpn.com.example',
    'vpnnetworks-street.example', 'serverless.example', '\n', `${'vpn.'.repeat(64)}com`
  ]) t.equal(hostnameKind(name), undefined, name.slice(0, 40))
})

t.test('the name of an address adds to the evidence of lists, and never lowers a score', async t => {
  const names = new Map([
    ['vpn1.example', ['192.0.2.1', '198.51.100.1', '203.0.113.1', '10.0.0.1']],
    ['vps7.example', ['192.0.2.2', '198.51.100.2']],
    ['pool-3.isp.example', ['192.0.2.3', '192.0.2.200']]
  ].flatMap(([name, addresses]) => (addresses as string[]).map(ip => [ip, name as string])))
  const named = lists({ sources: SOURCES, hostnameOf: ip => names.get(ip) })
  const plain = lists({ sources: SOURCES })
  // Twice: the answers that are kept of a label must not get those of its named addresses, nor give them theirs.
  for (let i = 0; i < 2; i++) {
    t.same(ask(named, '192.0.2.9'), ['suspicious', 0.45, ['hosting']])
    t.same(ask(named, '192.0.2.1'), ['vpn_likely', 0.67, ['vpn', 'hosting']])
    t.same(ask(named, '192.0.2.2'), ['suspicious', 0.5, ['hosting']], 'one more list of hosting')
    for (const ip of ['192.0.2.3', '192.0.2.200', '203.0.113.1', '10.0.0.1']) t.same(ask(named, ip), ask(plain, ip), ip)
    t.same(ask(named, '198.51.100.1'), ['suspicious', 0.4, []], 'in no list')
    t.same(ask(named, '198.51.100.2'), ['suspicious', 0.27, ['hosting']])
  }
})

t.test('a function for names that fails is logged once, and the address is judged without a name', async t => {
  let give: () => unknown = () => { throw new Error('no names') }
  const provider = lists({ sources: SOURCES, hostnameOf: () => give() as string })
  const log = memoryLog()
  for (const next of [give, () => Promise.reject(new Error('later')), () => 7]) {
    give = next
    t.same(ask(provider, '192.0.2.1', log), ['suspicious', 0.45, ['hosting']])
  }
  t.match(log.lines, [{ level: 'warn', fields: { code: 'IP_RISK_HOSTNAME_FAILED', err: { message: 'no names' } }, message: /lists.hostnameOf.* threw/ }])
  t.equal(log.lines.length, 1)
  give = () => 'vpn1.example'
  t.match(ask(provider, '192.0.2.1', log), ['vpn_likely'])
  t.throws(() => lists({ hostnameOf: 'names' } as unknown as ListsOptions), { code: 'FST_IP_RISK_BAD_OPTION', message: /lists.hostnameOf/ })
})
