import t from 'tap'
import { join } from 'node:path'
import type { EffectivePolicy } from '../lib/cli/policy/index.ts'
import { runCommand } from './support/cli.ts'

const tor = { name: 'tor', category: 'tor', then: 'block' }
const files = {
  'policy.json': JSON.stringify({
    write: { suspicious: 'step_up_auth' }, rules: [tor, { action: 'withdrawal', atLeast: 'step_up_auth' }, { score: { min: 0.4 }, asn: [1, 'AS2'], then: 'allow' }]
  }),
  'settings.mjs': 'export const ipRiskOptions = { mode: "monitor", actions: { read: ["search"] }, cache: { keySecret: "a secret of some length" } }\n' +
    'export const other = { policy: () => "allow", mode: { enforceShare: 0.25 }, stepUp: { isSatisfied: () => true }, cache: { keySecret: "a secret of some length" } }\n' +
    'export const wrong = { policy: { write: { suspicios: "block" } } }\nexport const text = "x"',
  'broken.mjs': 'throw new Error("no environment")',
  'typo.json': '{ "write": { "suspicious": "stepup" } }',
  'rule.json': '{ "rules": [{ "category": "tor" }] }',
  'list.json': '[]',
  'cut.json': '{ "write": '
}

t.test('prints what is decided per action and verdict, with the rules in order', async t => {
  const folder = t.testdir(files)
  const { code, out, err } = await runCommand(['policy', join(folder, 'policy.json')])
  t.same([code, err], [0, ''])
  const line = (name: string) => out.split('\n').find(one => one.startsWith(name))!.split(/\s{2,}/)
  t.same(line('signup'), ['signup', 'allow*', 'step_up_auth*', 'step_up_auth*', 'block*', 'allow*'])
  t.same(line('withdrawal')[1], 'step_up_auth*', 'a rule on the action alone is part of the table')
  t.same(line('other reads'), ['other reads', 'allow*', 'allow*', 'allow*', 'allow*', 'allow*'], 'a block on reads is a flag')
  t.match(out, /no_ip +elevate_risk/)
  t.match(out, /1 +tor +category tor +is block\n +2 +action withdrawal +at least step_up_auth\n +3 +score from 0\.4, asn 1 or AS2 +is allow\n +4 +category relay/)
  t.notMatch(out, 'mode', 'a policy file has none')
  t.notMatch(out, '\u001b', 'no colours where there is no terminal')

  const json = JSON.parse((await runCommand(['policy', '--json'])).out) as EffectivePolicy
  t.match(json, { mode: null, function: false, allowBlockingReads: false })
  const row = (action: string | null, write: boolean) => json.rows.find(one => one.action === action && one.write === write)
  t.match(row('signup', true), { decisions: { clean: 'allow', vpn_detected: 'block', unknown: 'allow' }, mayChange: ['vpn_likely', 'vpn_detected'] })
  t.same(row(null, false)!.mayChange, [])
})

t.test('prints the options of a module', async t => {
  const file = join(t.testdir(files), 'settings.mjs')
  const { out } = await runCommand(['policy', file])
  t.match(out, /^mode: monitor\nno option "stepUp": step_up_auth is reported, and not enforced\n/)
  t.match(out, /^search \(read\) +allow /m)
  const other = await runCommand(['policy', file, '--export', 'other'])
  t.match(other.out, /^mode: enforce for 25 % of the addresses, monitor for the rest\na function decides; this is what decides where/)
  t.notMatch(out + other.out, /a secret/)
})

t.test('a mistake is exit code 2, and names the place and the fix', async t => {
  const folder = t.testdir(files)
  const rows: [string[], RegExp][] = [
    [['typo.json'], /typo\.json: "policy\.write\.suspicious" must be one of allow, elevate_risk, step_up_auth, block, got "stepup"/],
    [['rule.json'], /rule\.json: "policy\.rules\[0\]" must say either "atMost", "then" or "atLeast"/],
    [['list.json'], /list\.json: "policy" must be an object such as/],
    [['cut.json'], /cut\.json is not JSON/],
    [['gone.json'], /gone\.json cannot be read: ENOENT/],
    [['policy.json', '--export', 'x'], /--export needs a module/],
    [['broken.mjs'], /broken\.mjs cannot be imported: no environment/],
    [['settings.mjs', '--export', 'gone'], /exports nothing as gone: export the object that register\(\) gets/],
    [['settings.mjs', '--export', 'text'], /exports a string as text/],
    [['settings.mjs', '--export', 'wrong'], /"policy\.write\.suspicios" does not exist: use one of clean/]
  ]
  for (const [[file, ...args], message] of rows) {
    t.match(await runCommand(['policy', join(folder, file!), ...args]), { code: 2, out: '', err: message })
  }
  t.match(await runCommand(['policy', 'a.json', 'b.json']), { code: 2, err: /one file/ })
})
