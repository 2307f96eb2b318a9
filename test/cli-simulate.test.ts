import t from 'tap'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import type { Simulation } from '../lib/cli/simulate/simulation.ts'
import { runCommand } from './support/cli.ts'
import { recordLine, recordLines } from './support/simulate.ts'

type Test = { testdir (files?: Record<string, string>): string }

/** Runs with this policy, and gives the JSON. */
async function simulated (t: Test, policy: object, stdin: string | Uint8Array, ...args: string[]) {
  const folder = t.testdir({ 'policy.json': JSON.stringify(policy) })
  const { code, out, err } = await runCommand(['simulate', '--policy', join(folder, 'policy.json'), '--json', ...args], { stdin })
  return { code, err, result: JSON.parse(out) as Simulation }
}

const suspicious = { verdict: 'suspicious', score: 0.5, decision: 'elevate_risk' }
const detected = { verdict: 'vpn_detected', score: 1, decision: 'block', categories: ['vpn'] }

t.test('says what another policy changes, per action and verdict, with the visitors stopped', async t => {
  const input = recordLines([
    {}, { ...suspicious }, { ...suspicious }, { ...suspicious, address: '192.0.2.2', action: 'payment' },
    { ...detected, address: '192.0.2.3' }, { ...detected, address: '192.0.2.3', categories: ['relay'], decision: 'elevate_risk' },
    { ...suspicious, write: false, action: null, decision: 'allow' }
  ])
  const { code, result } = await simulated(t, { write: { suspicious: 'step_up_auth', vpn_detected: 'elevate_risk' } }, input)
  t.equal(code, 0)
  t.match(result, { before: 'recorded', after: 'policy.json', exact: true, withoutAction: 1, addresses: 'full' })
  t.match(result.total, {
    records: 7,
    changed: 4,
    stopped: { stoppedBefore: 1, stoppedAfter: 3, newlyStopped: 3, noLongerStopped: 1 },
    visitors: { stoppedBefore: 1, stoppedAfter: 2, newlyStopped: 2, noLongerStopped: 1 }
  })
  t.same(result.actions.map(({ key, records, changed, visitors }) => [key, records, changed, visitors.newlyStopped]),
    [['signup', 5, 3, 1], ['payment', 1, 1, 1], ['none', 1, 0, 0]])
  t.same(result.verdicts.map(({ key, changed }) => [key, changed]), [['suspicious', 3], ['vpn_detected', 1], ['clean', 0]])
  t.same(result.transitions.filter(({ before, after }) => before !== after).map(one => Object.values(one)), [
    ['signup', 'suspicious', 'elevate_risk', 'step_up_auth', 2], ['payment', 'suspicious', 'elevate_risk', 'step_up_auth', 1],
    ['signup', 'vpn_detected', 'block', 'elevate_risk', 1]
  ])
})

t.test('two policies can be compared, on log lines and packed files', async t => {
  const folder = t.testdir({ 'new.json': '{"write":{"suspicious":"block"}}', 'old.json': '{"write":{"suspicious":"allow"}}' })
  const log = `{"level":30,"ipRisk":${recordLine(suspicious)}}\n{"level":30,"msg":"listening"}\nno JSON\n`
  writeFileSync(join(folder, 'a.log.gz'), gzipSync(log))
  writeFileSync(join(folder, 'b.ndjson'), recordLine(suspicious))
  const files = [join(folder, 'a.log.gz'), join(folder, 'b.ndjson')]
  const args = ['simulate', '--policy', join(folder, 'new.json'), '--against', join(folder, 'old.json'), ...files]
  const { code, out, err } = await runCommand(args)
  t.equal(code, 0)
  t.match(out, 'Of 2 records, old.json stops 0 (of 0 visitors) and new.json 2 (of 1 visitor): 2 (of 1 visitor) newly')
  t.match(out, /^signup +suspicious +allow +block +2$/m)
  t.match(err, /2 lines were no records/)
})

t.test('what no policy decides stays as it was, and what cannot be compared is left out and counted', async t => {
  const listed = { verdict: 'unknown', reason: 'listed', score: null }
  const input = recordLines([
    { ...listed, decidedBy: 'allow_list' }, { ...listed, decidedBy: 'deny_list', decision: 'block' },
    { verdict: 'unknown', reason: 'skipped', score: null, decidedBy: 'skip' },
    { ...detected, outcome: 'client_gone' }, { ...detected, wouldBe: 'allow', action: null }
  ])
  const { result, err } = await simulated(t, { write: { unknown: 'step_up_auth', vpn_detected: 'allow' } }, input)
  t.match(result.total, { records: 3, changed: 0, stopped: { stoppedBefore: 1 } })
  t.match(result.omitted, { clientGone: 1, unmarked: 1, noRecord: 0 })
  t.match(err, /1 record is of clients that left.*\n.*1 record is of unmarked routes/)
})

t.test('the address form is named, and wrong members do no harm', async t => {
  const odd = { categories: 'x', signals: [null, 3], info: [], score: 'high', provider: 7, familiarity: 9, method: {}, action: 5, address: {} }
  const input = `${recordLines([{ ...suspicious, address: '192.0.2.0/24' }, { ...suspicious, ...odd }])}\n{"verdict":"__proto__"}\n[1]\n{}`
  const { code, result, err } = await simulated(t, { write: { suspicious: 'block' } }, input)
  t.equal(code, 0)
  t.match(result, { total: { records: 2, changed: 2, visitors: { stoppedAfter: 1 } }, omitted: { noRecord: 3 }, addresses: 'network', withoutAddress: 1 })
  t.match(err, /recorded as networks/)
})

t.test('a wrong command line or policy is exit code 2, and nothing to judge is 1', async t => {
  const folder = t.testdir({ 'p.json': '{}', 'wrong.json': '{"rules":[{"asn":"x","then":"block"}]}', 'r.html': 'old', 'x.csv': 'a,b\n1,2\n' })
  const at = (name: string) => join(folder, name)
  const rows: [string[], number, RegExp][] = [
    [[], 2, /simulate needs --policy FILE/],
    [['--policy', at('wrong.json')], 2, /wrong\.json: "policy\.rules\[0\]\.asn" must be an AS number/],
    [['--policy', at('p.json'), '--against', at('gone.json')], 2, /--against cannot be read/],
    [['--policy', at('p.json'), '--report', at('r.html')], 2, /r\.html exists: use --force/],
    [['--policy', at('p.json'), '--cost-missed', '5'], 2, /go together/],
    [['--policy', at('p.json'), '--cost-missed', '5', '--cost-stopped', 'x'], 2, /--cost-stopped must be a number/],
    [['--policy', at('p.json'), '--cost-missed', '5', '--cost-stopped', '1'], 2, /costs need --outcome-column/],
    [['--policy', at('p.json'), at('x.csv')], 2, /x\.csv has no column "verdict"/],
    [['--policy', at('p.json'), '-', at('x.csv')], 2, /cannot be combined/],
    [['--policy', at('p.json'), at('gone.csv')], 1, /ENOENT/],
    [['--policy', at('p.json')], 1, /nothing could be judged/]
  ]
  for (const [args, code, message] of rows) t.match(await runCommand(['simulate', ...args]), { code, err: message })
})

t.test('what is an estimate is called one', async t => {
  const input = recordLines(Array.from({ length: 4_200 }, (_, i) => ({ ...detected, address: `10.1.${i >> 8}.${i & 255}` })))
  const { result, err } = await simulated(t, {}, input)
  t.match(result, { exact: true, exactParts: false, total: { visitors: { stoppedAfter: 4_200 } } })
  const [{ visitors }] = result.actions as [Simulation['actions'][0]]
  t.ok(Math.abs(visitors.stoppedAfter - 4_200) < 4_200 * 0.1, `${visitors.stoppedAfter}: within four standard errors`)
  t.match(err, /by action and by verdict are estimates/)
  t.notMatch(err, 'counts of all visitors')
})

t.test('a packed file that is cut off is a failure, and no result', async t => {
  const folder = t.testdir({ 'p.json': '{}' })
  writeFileSync(join(folder, 'cut.gz'), gzipSync(recordLines(Array.from({ length: 500 }, () => suspicious))).subarray(0, 300))
  t.match(await runCommand(['simulate', '--policy', join(folder, 'p.json'), join(folder, 'cut.gz')]), { code: 1, out: '', err: /cut\.gz cannot be read: unexpected end of file/ })
})
