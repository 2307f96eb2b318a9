import t from 'tap'
import { readRecordLine, reportOfRecords, reportPage, reportSummary } from '../lib/report/index.ts'
import { html, page, table, timeChart, trusted } from '../lib/util/index.ts'
import type { ReportedDecision, ReportRow } from '../types/report.ts'

type Fields = Partial<Omit<ReportedDecision, 'action'>> & { readonly action?: string | null }

function record (fields: Fields): ReportedDecision {
  return {
    action: null, decision: 'allow', outcome: 'allowed', wouldBe: 'allow', verdict: 'clean', info: {}, at: '2026-11-28T01:00:00.000Z', ...fields
  } as ReportedDecision
}

const blocked: Fields = { action: 'signup', decision: 'block', wouldBe: 'block', outcome: 'blocked', verdict: 'vpn_detected' }
const wouldBlock: Fields = { ...blocked, outcome: 'not_enforced' }
const wouldChallenge: Fields = { ...wouldBlock, action: 'payment', decision: 'step_up_auth', wouldBe: 'step_up_auth', verdict: 'vpn_likely' }
const example = { asn: 'AS64496', org: 'Example', countryCode: 'XA' }

const pick = (rows: readonly ReportRow[], ...names: (keyof ReportRow)[]): unknown[] => rows.map(row => names.map(name => row[name]))

t.test('a report counts what was stopped, and what enforcing would have stopped', async t => {
  const report = reportOfRecords()
  report.add(record({ action: 'signup' }))
  report.add(record({ ...blocked, info: example, at: '2026-11-28T03:00:00.000Z' }))
  report.add(record({ ...wouldBlock, info: example }))
  report.add(record({ ...wouldBlock, info: { asn: 'AS64497', isp: 'Other', country: 'Exampleland' }, at: '2026-11-27T03:00:00.000Z' }))
  report.add(record({ ...wouldChallenge }))
  report.add(record({ action: 'payment', decision: 'elevate_risk', wouldBe: 'elevate_risk', outcome: 'flagged', verdict: 'unknown', reason: 'timeout' }))
  report.add(record({ verdict: 'unknown', reason: 'no_data' }))
  report.add(record({ decision: 'step_up_auth', wouldBe: 'step_up_auth', outcome: 'satisfied', verdict: 'vpn_likely' }))
  report.add(record({ decision: 'step_up_auth', wouldBe: 'step_up_auth', outcome: 'challenged', verdict: 'vpn_likely' }))
  const result = report.report()
  t.strictSame(result.total, { requests: 9, blocked: 1, challenged: 1, satisfied: 1, wouldBlock: 2, wouldChallenge: 1, flagged: 1 })
  t.strictSame([result.from, result.to], ['2026-11-27T03:00:00.000Z', '2026-11-28T03:00:00.000Z'])
  t.strictSame(pick(result.actions, 'key', 'requests', 'wouldBlock', 'wouldChallenge'), [['signup', 4, 2, 0], ['payment', 2, 0, 1], ['none', 3, 0, 0]])
  t.strictSame(pick(result.verdicts, 'key', 'requests'), [['vpn_detected', 3], ['vpn_likely', 3], ['unknown', 2], ['clean', 1]])
  t.strictSame(pick(result.networks, 'key', 'label', 'requests', 'blocked', 'wouldBlock'), [
    ['unknown', undefined, 4, 0, 0], ['AS64496', 'Example', 2, 1, 1], ['AS64497', 'Other', 1, 0, 1]
  ])
  t.strictSame(pick(result.countries, 'key', 'wouldBlock'), [['unknown', 0], ['XA', 1], ['Exampleland', 1]])
  t.strictSame(pick(result.reasons, 'key', 'requests', 'flagged'), [['timeout', 1, 1], ['no_data', 1, 0]])
  t.match(reportSummary(result), 'Of 9 requests, 1 was blocked and 1 challenged. In enforce mode, 2 more would be blocked (22.22 %) and 1 more challenged')
})

t.test('the summary of one request is grammatical', t => {
  const report = reportOfRecords()
  report.add(record({ decision: 'block', outcome: 'blocked' }))
  t.match(reportSummary(report.report()), /^Of 1 request, 1 was blocked and 0 challenged\./)
  t.match(reportSummary(reportOfRecords().report()), /^Of 0 requests, 0 were blocked/)
  t.end()
})

t.test('a step-up that is not configured, and an unmarked route, would stop nobody', async t => {
  const report = reportOfRecords()
  report.add(record({ decision: 'step_up_auth', wouldBe: 'elevate_risk', outcome: 'not_enforced' }))
  report.add(record({ decision: 'block', wouldBe: 'allow', outcome: 'not_enforced' }))
  t.match(report.report().total, { requests: 2, wouldBlock: 0, wouldChallenge: 0 })
})

t.test('a report of nothing has no time, and divides nothing', async t => {
  const result = reportOfRecords().report()
  t.match(result, { from: null, to: null, total: { requests: 0 }, actions: [] })
  t.match(reportSummary(result), '0 more would be blocked (0 %)')
  t.match(reportPage(result), 'Nothing yet')
})

t.test('visitors who bring a million networks do not fill the memory', async t => {
  const report = reportOfRecords()
  for (let i = 0; i < 20_000; i++) report.add(record({ ...wouldBlock, info: { asn: `AS${i}`, org: 'x', countryCode: `C${i}` } }))
  const { networks, countries } = report.report()
  t.equal(networks.length, 50)
  t.match(networks[0], { key: 'other', wouldBlock: 19_000 })
  t.notOk('label' in networks[0]!)
  t.match(countries[0], { key: 'other', wouldBlock: 19_700 })
})

t.test('lines that hold any words do not fill the memory either, and are counted as numbers', async t => {
  const report = reportOfRecords()
  for (let i = 0; i < 20_000; i++) report.add(record({ action: `action${i}`, verdict: 'unknown', reason: `reason${i}` as 'timeout' }))
  const reasons = ['constructor', '__proto__', 'toString'] as const
  for (const reason of reasons) report.add(record({ verdict: 'unknown', reason: reason as never }))
  const { total, actions, reasons: rows } = report.report()
  t.equal(total.requests, 20_003)
  t.equal(actions.length, 301)
  t.equal(rows.length, 301)
  const few = reportOfRecords()
  for (const reason of reasons) few.add(record({ verdict: 'unknown', reason: reason as never }))
  t.strictSame(pick(few.report().reasons, 'key', 'requests'), reasons.map(reason => [reason, 1]))
  t.equal(readRecordLine(JSON.stringify(record({ verdict: 'made_up' as never }))), null)
})

t.test('a line is a record, a log line that holds one, or nothing', async t => {
  const text = JSON.stringify(record({ ...wouldBlock, info: example }))
  t.match(readRecordLine(text), { action: 'signup', info: example })
  t.match(readRecordLine(`{"level":30,"ipRisk":${text}}`), { outcome: 'not_enforced' })
  const broken = ['', 'x', '7', 'null', '[]', '{}', '{"ipRisk":7}', text.replace('not_enforced', 'x'), text.replace('vpn_detected', 'a b'),
    text.replace('2026-11-28T01:00:00.000Z', 'yesterday'), text.replaceAll('"block"', '"perish"'), text.replace('"vpn_detected"', '{}')]
  for (const line of broken) t.equal(readRecordLine(line), null, line)
  t.strictSame(readRecordLine(text.replace(JSON.stringify(example), '{"asn":7,"org":{},"isp":"y"}'))!.info, { isp: 'y' })
  t.strictSame(readRecordLine(text.replace(JSON.stringify(example), '"x"'))!.info, {})
  t.equal(readRecordLine(text.replace('"signup"', '"<script>"'))!.action, null)
})

t.test('nothing that a record holds becomes markup of the page', async t => {
  const report = reportOfRecords()
  const attack = '<img src=x onerror=alert(1)>"\'&'
  report.add(record({ ...wouldBlock, info: { asn: attack, org: attack, countryCode: attack } }))
  const text = reportPage(report.report())
  t.notMatch(text, '<img')
  t.match(text, '&lt;img src=x onerror=alert(1)&gt;&quot;&#39;&amp;')
  t.notMatch(text, /<\w[^<>]*\s(?:src|href)=|url\(|@import|https?:/, 'the page names nothing outside itself')
})

t.test('html escapes all values but Html, and leaves out what is not there', async t => {
  t.equal(html`${'<a>'}${html`<b>${7}</b>`}${[1, html`<i>`, '&']}${null}${undefined}${false}`.markup, '&lt;a&gt;<b>7</b>1<i>&amp;')
  t.equal(trusted('<x>').markup, '<x>')
  t.match(page({ title: '<', body: html``, nonce: 'n"', script: 'let a' }), '<script nonce="n&quot;">let a</script>')
  t.notMatch(page({ title: '', body: html`` }), '<script')
})

t.test('a table says that it is empty, and a chart without values has no column', async t => {
  t.match(table({ caption: 'c', columns: [{ head: 'a', cell: () => '' }], rows: [], empty: 'none' }).markup, '<td colspan="1">none</td>')
  const chart = (values: number[]): string =>
    timeChart({ title: 'Requests', from: 'a', to: 'b', series: [{ name: 'blocked', tone: 'block', values }] }).markup
  t.equal(chart([]).match(/<rect/g)!.length, 1, 'the legend alone')
  t.match(chart([1, 0, 3]), 'aria-label="Requests: blocked 4"')
  t.equal(chart([1, 0, 3]).match(/<rect/g)!.length, 3)
})
