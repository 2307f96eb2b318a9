import t from 'tap'
import { join } from 'node:path'
import { mmdbIn, runCommand } from './support/cli.ts'
import { recordLines } from './support/simulate.ts'
import type { Simulation } from '../lib/cli/simulate/simulation.ts'

type Test = { testdir (files?: Record<string, string>): string }
type Json = Readonly<Record<string, unknown>>

async function simulated (t: Test, policy: object, stdin: string, ...args: string[]) {
  const folder = t.testdir({ 'policy.json': JSON.stringify(policy) })
  const { out, err } = await runCommand(['simulate', '--policy', join(folder, 'policy.json'), '--json', ...args], { stdin })
  return { err, result: JSON.parse(out) as Simulation }
}

const header = 'ip,verdict,score,categories,asn,org,country,provider,decision'
const reviewed = (...rows: string[]) => [header, ...rows].join('\n')
const vpn = '192.0.2.1,vpn_likely,0.7,vpn tor,AS64500,X,DE,lists,step_up_auth'
const clean = '192.0.2.2,clean,0,,AS64501,X,FR,lists,allow'

t.test('where a rule asks for what was not recorded, only records that depend on it are left out', async t => {
  type Row = [name: string, rule: Json, decided: [after: string | null, ...string[]], missing: object[]]
  const rows: Row[] = [
    ['the rule changes nothing', { familiarity: 'new', atLeast: 'elevate_risk' }, ['step_up_auth'], [{ name: 'familiarity', records: 1, undecided: 0 }]],
    ['the rule could change it', { familiarity: 'new', atLeast: 'block' }, [null], [{ name: 'familiarity', records: 1, undecided: 1 }]],
    ['another condition rules it out', { familiarity: 'new', country: 'US', atLeast: 'block' }, ['step_up_auth'], [{ name: 'familiarity', records: 1, undecided: 0 }]],
    ['several things are missing', { signal: 'x', vpnProvider: 'y', then: 'allow' }, [null],
      [{ name: 'vpnProvider', records: 1, undecided: 1 }, { name: 'signal', records: 1, undecided: 1 }]],
    ['the action is not known', { action: 'signup', then: 'block' }, [null], [{ name: 'action', records: 1, undecided: 1 }]],
    ['all is there', { asn: 64500, category: 'tor', country: 'de', score: { min: 0.7 }, provider: 'lists', then: 'block' }, ['block'], []]
  ]
  for (const [name, rule, [after], missing] of rows) {
    const { result } = await simulated(t, { rules: [rule] }, reviewed(vpn))
    t.same(result.transitions.map(one => one.after), after === null ? [] : [after], name)
    t.equal(result.omitted.undecided, after === null ? 1 : 0, name)
    t.same(result.missing, missing, name)
  }
  const first = await simulated(t, { rules: [{ category: 'tor', then: 'elevate_risk' }, { familiarity: 'new', then: 'block' }] }, reviewed(vpn, clean))
  t.same(first.result.transitions.map(one => one.after), ['elevate_risk'], 'the first rule wins whatever the second one asks for')
  t.equal(first.result.omitted.undecided, 1)
  const named = await simulated(t, { rules: [{ action: 'signup', then: 'block' }] }, reviewed(vpn), '--action', 'signup')
  t.same(named.result.transitions.map(one => [one.action, one.after]), [['signup', 'block']])
})

t.test('reads cannot be stopped, so that a rule on what is missing cannot matter beyond a flag', async t => {
  const input = ['method,path,verdict,score,categories,asn,country,provider,decision', 'GET,/a,vpn_likely,0.7,vpn,,,lists,allow',
    'POST,/b,vpn_likely,0.7,vpn,,,lists,step_up_auth'].join('\n')
  const { result, err } = await simulated(t, { read: { vpn_likely: 'elevate_risk' }, rules: [{ familiarity: 'new', atLeast: 'block' }] }, input)
  t.same(result.transitions.map(one => [one.before, one.after]), [['allow', 'elevate_risk']])
  t.equal(result.omitted.undecided, 1)
  t.match(err, /familiarity is asked for and not recorded in 2 records: 1 is left out/)
  t.match(err, /1 record has no address/)
})

t.test('the reason of an unknown verdict matters only where the policy says so', async t => {
  const unknown = '192.0.2.9,unknown,,,,,,none,allow'
  const byReason = await simulated(t, {}, reviewed(unknown))
  t.match(byReason.result, { total: { records: 0 }, omitted: { undecided: 1 }, missing: [{ name: 'reason', records: 1, undecided: 1 }] })
  const forAll = await simulated(t, { write: { unknown: 'block' } }, reviewed(unknown))
  t.match(forAll.result, { total: { records: 1, changed: 1 }, missing: [] })
  const record = { verdict: 'unknown', reason: 'quota_exhausted', score: null, decision: 'elevate_risk' }
  const recorded = await simulated(t, { write: { unknown: { default: 'allow', quota_exhausted: 'block' } } }, recordLines([record]))
  t.same(recorded.result.transitions.map(one => one.after), ['block'])
})

t.test('what a provider did not name is no gap: the rule does not hold, as in the plugin', async t => {
  const rule = { asn: 64500, then: 'block' }
  const { result } = await simulated(t, { rules: [rule] }, `${reviewed('192.0.2.2,clean,0,,,,,lists,allow')}`)
  t.match(result, { total: { records: 1, changed: 0 }, missing: [] })
  const without = await simulated(t, { rules: [rule] }, 'ip,verdict,score,categories,decision\n192.0.2.2,clean,0,,allow')
  t.match(without.result, { total: { records: 0 }, missing: [{ name: 'asn', records: 1, undecided: 1 }] })
  const undecided = await simulated(t, { write: { clean: 'block' } }, 'ip,verdict\n192.0.2.2,clean')
  t.match(undecided.result, { omitted: { notRecorded: 1 } })
  t.match(undecided.err, /1 record has no decision.*--against/)
})

t.test('reads what review writes, in both formats, and a review of records', async t => {
  // `testdir` empties the folder each time.
  const databaseOf = () => ({ IP_RISK_PROVIDER: `mmdb:${mmdbIn(t)}` })
  for (const to of ['csv', 'ndjson']) {
    const env = databaseOf()
    const { out } = await runCommand(['review', '--to', to, '--action', 'signup'], { env, stdin: 'who,ip\nSömebody;,192.0.2.7\nx,203.0.113.1\n' })
    const { result } = await simulated(t, { write: { vpn_likely: 'block', vpn_detected: 'block' } }, out)
    t.match(result.total, { records: 2, stopped: { stoppedAfter: 1 }, visitors: { stoppedAfter: 1 } }, to)
    t.equal(result.addresses, 'full')
  }
  const again = await runCommand(['review', '--column', 'address'], { env: databaseOf(), stdin: recordLines([{ address: '192.0.2.7' }]) })
  const { result } = await simulated(t, { write: { vpn_likely: 'allow', vpn_detected: 'allow' } }, again.out)
  t.match(result.transitions, [{ verdict: /vpn/, after: 'allow' }], 'by the verdict of the review')
})
