import t from 'tap'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { distinctCount, hashOf } from '../lib/cli/simulate/visitors.ts'
import type { Simulation } from '../lib/cli/simulate/simulation.ts'
import { startBrowser, withoutBrowser } from './support/browser.ts'
import { runCommand } from './support/cli.ts'
import { recordLine, recordLines } from './support/simulate.ts'

const scored = (score: number | null, truth: string | undefined, count: number) => Array.from({ length: count }, () => ({
  verdict: score === null ? 'unknown' : score >= 0.9 ? 'vpn_detected' : score >= 0.5 ? 'suspicious' : 'clean',
  ...score === null && { reason: 'no_data' },
  score,
  user: { truth },
  decision: score !== null && score >= 0.9 ? 'block' : 'allow'
}))
/** 10 of 12 frauds score at least 0.5, and so do 4 of 100 good ones. */
const rows = [
  ...scored(0.95, 'fraud', 6), ...scored(0.5, 'Fraud', 4), ...scored(0, 'fraud', 2), ...scored(0.5, 'good', 4), ...scored(0.1, 'good', 96),
  ...scored(0.5, undefined, 3), ...scored(null, 'good', 1), ...scored(0.1, 'perhaps', 1)
]
const flags = ['--outcome-column', 'user.truth', '--cost-missed', '100', '--cost-stopped', '12.5']

t.test('precision, recall and cost of both policies and of each threshold', async t => {
  const policy = join(t.testdir({ 'p.json': '{"write":{"suspicious":"step_up_auth"}}' }), 'p.json')
  const args = ['simulate', '--policy', policy, ...flags]
  const { code, out, err } = await runCommand([...args, '--json'], { stdin: recordLines(rows) })
  const { outcomes } = JSON.parse(out) as Simulation
  t.equal(code, 0)
  t.match(outcomes, { fraud: 12, good: 101, withoutOutcome: 4, withoutScore: 1 })
  t.match(outcomes.policies, [
    { by: 'recorded', stopped: 6, fraudStopped: 6, fraudMissed: 6, goodStopped: 0, precision: 1, recall: 0.5, cost: 600 },
    { by: 'p.json', stopped: 17, fraudStopped: 10, fraudMissed: 2, goodStopped: 4, precision: 10 / 14, recall: 10 / 12, cost: 250 }
  ])
  const at = (threshold: number) => outcomes.thresholds.find(one => one.threshold === threshold)
  t.match(at(0.5), { stopped: 17, fraudStopped: 10, goodStopped: 4, cost: 250 }, 'the threshold itself is stopped')
  t.match(at(0.55), { stopped: 6, precision: 1, recall: 0.5, cost: 600 })
  t.match(at(0.1), { goodStopped: 100, cost: 2 * 100 + 100 * 12.5 })
  t.match(at(1), { stopped: 0, precision: null, recall: 0, cost: 1200 })
  t.match(err, /others, such as "perhaps", count as none/)
  const text = await runCommand(args, { stdin: recordLines(rows) })
  t.match(text.out, /^p\.json +17 +10 +2 +4 +71\.4 % +83\.3 % +250$/m)
  t.match(text.out, /The threshold with the least cost: 0\.\d+, 250\./)
  t.match(text.err, /1 record has no score: no threshold stops them/)
  const misnamed = [...args.slice(0, 3), '--outcome-column', 'user.truht']
  t.match(await runCommand(misnamed, { stdin: recordLines(rows) }), { code: 1, out: '', err: /--outcome-column: no row has "user\.truht"/ })
  t.notMatch((await runCommand(args.slice(0, 3), { stdin: recordLines(rows) })).out, 'precision')
})

t.test('the page opens in a browser, with charts and a table that filters, and no text of the input is markup', { skip: withoutBrowser }, async t => {
  const folder = t.testdir({ 'p.json': '{"write":{"suspicious":"step_up_auth"}}' })
  const report = join(folder, 'out.html')
  const attack = '<b>x</b>'
  const stdin = `${recordLines(rows)}\n${recordLine({ action: attack.slice(0, 60), verdict: 'suspicious', score: 0.5, decision: 'elevate_risk' })}`
  const { code } = await runCommand(['simulate', '--policy', join(folder, 'p.json'), ...flags, '--report', report], { stdin })
  t.equal(code, 0)
  t.notMatch(readFileSync(report, 'utf8'), /(?:src|href|url)\s*[=(]\s*["']?(?:https?:)?\/\//, 'nothing is loaded from elsewhere')
  const browser = await startBrowser()
  t.teardown(() => browser.close())
  const tab = await browser.newPage()
  const problems: string[] = []
  tab.on('console', message => { problems.push(message.text()) })
  tab.on('pageerror', error => { problems.push(error.message) })
  await tab.goto(pathToFileURL(report).href)
  t.equal(await tab.locator('h1').textContent(), 'p.json instead of recorded')
  t.same(await tab.locator('figcaption').allTextContents(), [
    'Stopped requests by action', 'Precision and recall', 'Cost', 'Records stopped where the score is at least the threshold'
  ])
  t.equal(await tab.locator('polyline').count(), 4)
  const cell = tab.getByRole('row', { name: /^score from 0\.5 / }).locator('td')
  t.same(await cell.allTextContents(), ['18', '10', '2', '4', '71.4 %', '83.3 %', '250'])
  await tab.locator('select[data-column=after]').selectOption('step_up_auth')
  t.same([...new Set(await tab.locator('#changes tbody td:nth-child(4)').allTextContents())], ['step_up_auth'])
  t.equal(await tab.locator('main b').count(), 0)
  t.same(problems, [])
})

t.test('distinct visitors are exact up to a bound, and an estimate near the truth beyond, in bounded memory', t => {
  const counter = distinctCount(1_000)
  for (let i = 0; i < 2_000; i++) for (let j = 0; j < 2; j++) counter.add(hashOf(`192.0.2.${i}`))
  t.same(counter.count(), { count: 2_000, exact: true })
  for (let i = 0; i < 200_000; i++) counter.add(hashOf(`192.0.2.${i}`))
  const { count, exact } = counter.count()
  t.equal(exact, false)
  t.ok(Math.abs(count - 200_000) < 200_000 * 0.12, `${count}: within four standard errors`)
  t.end()
})
