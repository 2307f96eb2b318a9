import t from 'tap'
import * as bundled from '../lib/ip/published-ranges.ts'
import { rangesProblems } from '../scripts/ranges/check.ts'

const published = {
  rows: bundled.specialPurpose,
  rowsDate: bundled.specialPurposeDate,
  cloudflare: bundled.cloudflareRanges,
  cloudflareDate: bundled.cloudflareDate
}
const dayAfter = (days: number): number => Date.parse(bundled.cloudflareDate) + days * 86_400_000

t.test('a release may be made with the ranges that are published, and not a month later', t => {
  t.same(rangesProblems({ ...published, cloudflareDate: 'another' }, bundled, dayAfter(30)), [])
  t.match(rangesProblems(published, bundled, dayAfter(31)), [/of Cloudflare are of \d{4}-\d\d-\d\d, more than 30 days ago/])
  t.match(rangesProblems(published, { ...bundled, cloudflareDate: 'someday' }, dayAfter(0)), [/someday/], 'no date is no recent one')
  t.end()
})

t.test('a release is refused with a range too few, too many or of another scope', t => {
  const [first, ...others] = published.cloudflare
  t.match(rangesProblems(published, { ...bundled, cloudflareRanges: others }, dayAfter(0)), [`Cloudflare publishes ${first}, which is missing`])
  t.match(rangesProblems({ ...published, cloudflare: others }, bundled, dayAfter(0)), [`Cloudflare does not publish ${first} any more`])
  const rows = [['10.0.0.0/8', 'public'] as const, ...published.rows.filter(([cidr]) => cidr !== '10.0.0.0/8')]
  t.same(rangesProblems({ ...published, rows }, bundled, dayAfter(0)), [
    'IANA publishes 10.0.0.0/8 public, which is missing', 'IANA does not publish 10.0.0.0/8 private any more'
  ])
  t.end()
})
