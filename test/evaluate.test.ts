import t from 'tap'
import { meanInterval, randomOf, wilson } from '../bench/evaluate/intervals.ts'
import { listsWithout, withoutCopies } from '../bench/evaluate/judge.ts'
import { rangesOf } from '../lib/lists/sources/list.ts'
import type { ExampleList } from '../scripts/example-lists.ts'
import { companyOf, furtherCounts } from '../scripts/further-providers.ts'

function list (id: string, kind: ExampleList['kind'], cidrs: readonly string[], contains?: readonly string[]): ExampleList {
  return { id, kind, ranges: rangesOf(cidrs), asns: [], halfLifeDays: 60, dateSeconds: 0, ...contains && { contains } }
}
const number = (text: string): number => rangesOf([text]).v4[0]!

t.test('the interval of a share is that of Wilson, also for none and for all', async t => {
  const percent = (found: number, of: number): string[] => wilson(found, of).map(bound => (100 * bound).toFixed(1))
  t.same(percent(0, 10), ['0.0', '27.8'])
  t.same(percent(10, 10), ['72.2', '100.0'])
  t.same(percent(81, 263), ['25.5', '36.6'])
})

t.test('the interval of a mean over few providers is that of Student, within 0 and 1', async t => {
  t.same(meanInterval([0.5, 0.5, 0.5]), [0.5, 0.5])
  t.same(meanInterval([0.5]), [0, 1], 'one provider says nothing of others')
  t.same(meanInterval([0.1, 0.9]), [0, 1])
  const rounded = (values: readonly number[]): number[] => meanInterval(values).map(bound => Math.round(bound * 1000) / 1000)
  t.same(rounded([0.8, 0.85, 0.9, 0.95, 0.7, 0.8]), [0.741, 0.925])
  const random = randomOf(3)
  let held = 0
  for (let i = 0; i < 2000; i++) {
    const [low, high] = meanInterval(Array.from({ length: 6 }, random))
    if (low <= 0.5 && high >= 0.5) held++
  }
  t.ok(held >= 0.92 * 2000, `holds the mean in ${held} of 2,000 draws`)
})

t.test('random numbers are the same in each run', async t => {
  const draw = (): number[] => Array.from({ length: 3 }, randomOf(7))
  t.same(draw(), draw())
})

t.test('a provider that is left out is in no list: neither its own, nor as copies in those of others', async t => {
  const lists = [
    list('acme', 'vpn-server', ['192.0.2.7'], ['acme']),
    list('merged', 'vpn-range', ['192.0.2.6/31', '198.51.100.0/24']),
    list('merged-v6', 'vpn-range', ['2001:db8::7', '2001:db8::8']),
    list('hosting', 'hosting', ['192.0.2.0/25'])
  ]
  const others = withoutCopies(listsWithout(lists, 'acme'), [number('192.0.2.7'), number('198.51.100.9')], [rangesOf(['2001:db8::7']).v6.subarray(0, 4)])
  t.same(others.map(({ id }) => id), ['merged', 'merged-v6', 'hosting'])
  t.same(others[0]!.ranges.v4, rangesOf(['192.0.2.6', '198.51.100.0/24']).v4, 'knowledge of a whole network stays')
  t.same(others[1]!.ranges.v6, rangesOf(['2001:db8::8']).v6)
  t.equal(others[2], lists[3], 'hosting names no provider')
})

t.test('the counts of a provider that is left out are left out, and those of its company', async t => {
  const providers = (without: readonly string[]): string[] => furtherCounts(new Set(without)).map(({ publisher }) => publisher)
  t.ok(providers([]).includes('surfshark') && providers([]).includes('giganews'))
  t.notOk(providers(companyOf('surfshark')).includes('surfshark'))
  t.same(providers(companyOf('vyprvpn')).filter(name => name === 'giganews' || name === 'vyprvpn'), [])
  t.ok(furtherCounts(new Set()).every(({ asn, servers }) => Number.isInteger(asn) && servers > 0))
})
