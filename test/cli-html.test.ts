import t from 'tap'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import {
  barChart, chartStyle, dataTable, dataTableScript, dataTableStyle, lineChart, shownNumber
} from '../lib/cli/html/index.ts'
import { html, page } from '../lib/util/index.ts'
import { startBrowser, withoutBrowser } from './support/browser.ts'
import { bulkServer, logOf } from './support/bulk-server.ts'
import { runCommand } from './support/cli.ts'

const attack = '</script><!--<script>globalThis.attacked = 1</script><img src=x onerror="globalThis.attacked = 1">"\'<b>'
const verdicts = ['clean', 'vpn_detected', attack]
const tableRows = Array.from({ length: 250 }, (_, i) => [
  `203.0.113.${i}`, verdicts[i % 3]!, i === 7 ? null : i / 250, Date.UTC(2026, 0, 1, 0, i)
])

function examplePage (): string {
  return page({
    title: attack,
    style: chartStyle + dataTableStyle,
    script: dataTableScript,
    body: html`<h1>${attack}</h1>
${barChart({ title: attack, rows: [{ label: attack, parts: [{ label: attack, tone: 'block', value: 12345 }] }, { label: 'b', parts: [] }] })}
${barChart({ title: 'empty', rows: [] })}
${lineChart({ title: 'lines', xLabel: attack, series: [{ label: attack, tone: 'flag', points: [[0, 0.5], [0.5, NaN], [1, 1]] }] })}
${lineChart({ title: 'no lines', xLabel: 'x', series: [] })}
${dataTable({
      id: 'rows',
      caption: attack,
      columns: [
        { name: 'address' }, { name: attack, kind: 'choice', tones: { clean: 'allow' } }, { name: 'score', kind: 'number' }, { name: 'time', kind: 'time' }
      ],
      rows: tableRows
    })}`
  })
}

t.test('numbers are short, charts have labels, and nothing outside of the file is loaded', t => {
  t.same([1234567.8, 0.123456, 12, 0].map(shownNumber), ['1,234,568', '0.12', '12', '0'])
  const text = examplePage()
  t.match(text, /<title>[^<]*: [^<]* 12,345<\/title>/)
  t.notMatch(text, /NaN|Infinity|undefined/)
  t.notMatch(text, /(?:src|href|url)\s*[=(]\s*["']?(?:https?:)?\/\//)
  t.notMatch(text, /<img|<b>|<!--/, 'markup in the data stays text')
  t.match(text, /http-equiv="content-security-policy" content="default-src &#39;none&#39;; style-src &#39;sha256-/)
  t.notMatch(page({ title: 'x', body: html``, nonce: 'abc' }), /http-equiv="content/, 'with a nonce, the header has the policy')
  t.end()
})

t.test('a browser sorts, filters and turns the pages of a table, and runs nothing of the data', { skip: withoutBrowser }, async t => {
  const path = join(t.testdir(), 'page.html')
  writeFileSync(path, examplePage())
  const browser = await startBrowser()
  t.teardown(() => browser.close())
  const tab = await browser.newPage()
  const problems: string[] = []
  const requests: string[] = []
  tab.on('console', message => { problems.push(message.text()) })
  tab.on('pageerror', error => { problems.push(error.message) })
  tab.on('request', request => { requests.push(request.url()) })
  await tab.goto(pathToFileURL(path).href)
  const column = async (at: number) => await tab.locator(`#rows tbody tr td:nth-child(${at})`).allTextContents()
  const count = async () => await tab.locator('#rows output').textContent()

  t.equal(await count(), 'rows 1 to 100 of 250')
  t.equal((await column(1))[0], '203.0.113.0', 'in the order given')
  await tab.getByRole('button', { name: 'score' }).click()
  t.same((await column(1)).slice(0, 2), ['203.0.113.249', '203.0.113.248'], 'numbers: highest first')
  t.equal(await tab.locator('#rows th').nth(2).getAttribute('aria-sort'), 'descending')
  await tab.getByRole('button', { name: 'score' }).click()
  t.same((await column(3)).slice(0, 2), ['0', '0.004'])
  await tab.getByRole('button', { name: 'next' }).click()
  await tab.getByRole('button', { name: 'next' }).click()
  t.equal(await count(), 'rows 201 to 250 of 250')
  t.equal((await column(1)).at(-1), '203.0.113.7', 'what has no value comes last')
  t.ok(await tab.getByRole('button', { name: 'next' }).isDisabled())

  await tab.locator('select').selectOption('clean')
  t.equal(await count(), 'rows 1 to 84 of 84 (filtered from 250)')
  t.same([...new Set(await column(2))], ['clean'])
  await tab.getByRole('searchbox').fill('113.24')
  t.same(await column(1), ['203.0.113.24', '203.0.113.240', '203.0.113.243', '203.0.113.246', '203.0.113.249'])
  await tab.locator('select').selectOption(attack)
  await tab.getByRole('searchbox').fill('2026-01-01 00:02:00')
  t.same([await column(1), await column(2)], [['203.0.113.2'], [attack]], 'shown as it is')
  await tab.getByRole('searchbox').fill('nothing has this')
  t.equal(await count(), 'no rows')

  t.equal(await tab.evaluate('globalThis.attacked'), undefined)
  t.equal(await tab.locator('img, b').count(), 0)
  await tab.evaluate("document.body.append(Object.assign(document.createElement('script'), { textContent: 'globalThis.attacked = 2' }))")
  t.equal(await tab.evaluate('globalThis.attacked'), undefined, 'the policy of the page refuses other scripts')
  t.same(problems.filter(text => !/Content Security Policy/.test(text)), [])
  t.same(requests.filter(url => !url.startsWith('file:')), [])
})

t.test('the report opens in a browser: what matters first, sorted and filtered, and no text of a visitor is markup', { skip: withoutBrowser }, async t => {
  const report = join(t.testdir(), 'report.html')
  const iplogs = await bulkServer(t)
  const { code } = await runCommand(['review', '--route', 'POST /signup=signup', '--report', report], { env: iplogs.env, stdin: logOf(3000, 1000) })
  t.equal(code, 0)
  t.notMatch(readFileSync(report, 'utf8'), /(?:src|href|url)\s*[=(]\s*["']?(?:https?:)?\/\//, 'nothing is loaded from elsewhere')
  const browser = await startBrowser()
  t.teardown(() => browser.close())
  const tab = await browser.newPage()
  const problems: string[] = []
  tab.on('console', message => { problems.push(message.text()) })
  tab.on('pageerror', error => { problems.push(error.message) })
  await tab.goto(pathToFileURL(report).href)
  const column = async (at: number) => await tab.locator(`#addresses tbody td:nth-child(${at})`).allTextContents()
  t.equal((await column(1)).length, 4, 'clean addresses need nobody')
  t.same([...new Set(await column(2))], ['vpn_detected'])
  const writes = (await column(6)).map(Number)
  t.same(writes, [...writes].sort((a, b) => b - a), 'those that wrote most come first')
  await tab.getByRole('button', { name: 'address' }).click()
  t.same((await column(1)).slice(0, 2), ['8.0.0.7', '8.0.1.7'])
  await tab.getByRole('searchbox').fill('8.0.3.7')
  t.same(await column(1), ['8.0.3.7'])
  t.same(await tab.locator('figcaption').allTextContents(), ['Verdicts over time', 'By route or action', 'Networks', 'Countries'])
  t.match(await tab.locator('figure').nth(1).textContent(), /GET \/<b>x<\/b>.*signup/s)
  t.equal(await tab.locator('main b').count(), 0)
  t.same(problems, [])
})
