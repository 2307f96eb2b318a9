import t, { type Test } from 'tap'
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import Fastify, { type FastifyInstance } from 'fastify'
import type { Browser, Page } from 'playwright-core'
import { internalsOf } from '../lib/core/index.ts'
import ipRisk, { type FastifyIpRiskOptions } from '../lib/index.ts'
import { ipRiskDashboard } from '../lib/telemetry/dashboard.ts'
import { headersOf } from '../lib/telemetry/header-lines.ts'
import { startBrowser, withoutBrowser } from './support/browser.ts'
import { visitorProvider, visitors } from './support/table-provider.ts'

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')
t.setTimeout(150_000) // a browser starts slowly on a busy machine
const attack = '<img src=x onerror=alert(1)>'

type Authorize = (request: any) => any

async function application (
  t: Test, options: FastifyIpRiskOptions = {}, authorize: Authorize = () => true
): Promise<FastifyInstance> {
  const app = Fastify()
  t.teardown(() => app.close())
  await app.register(ipRisk, { provider: visitorProvider(), clientIp: { trusted: ['10.0.0.1'] }, ...options })
  await app.register(ipRiskDashboard, { prefix: '/ip-risk', authorize })
  app.post('/signup', { config: { ipRisk: 'signup' } }, async () => ({}))
  app.post('/trial', { config: { ipRisk: { action: 'payment', mode: 'monitor' } } }, async () => ({}))
  return app
}

async function visit (app: FastifyInstance): Promise<void> {
  for (const remoteAddress of [visitors.vpn_detected, visitors.clean]) {
    for (const url of ['/signup', '/trial']) await app.inject({ method: 'POST', url, remoteAddress })
  }
}

t.test('the page does not start without authorize, or without the plugin', async t => {
  for (const authorize of [undefined, true, 'yes'] as never[]) {
    const app = Fastify()
    t.teardown(() => app.close())
    await app.register(ipRisk, { provider: visitorProvider() })
    await t.rejects(async () => await app.register(ipRiskDashboard, { authorize }), { code: 'FST_IP_RISK_BAD_OPTION', message: /authorize/ })
  }
  const bare = Fastify()
  t.teardown(() => bare.close())
  await t.rejects(async () => await bare.register(ipRiskDashboard, { authorize: () => true }), { code: 'FST_IP_RISK_BAD_OPTION' })
})

t.test('whoever is not authorized sees nothing, whatever the method', async t => {
  for (const answer of [false, undefined, 'true', 1, Promise.resolve(false)]) {
    const app = await application(t, {}, () => answer)
    for (const method of ['GET', 'HEAD', 'POST'] as const) {
      const { statusCode, body } = await app.inject({ method, url: '/ip-risk' })
      t.equal(statusCode, 403, `${method} ${String(answer)}`)
      t.notMatch(body, /<main>/)
    }
  }
  const throwing = await application(t, {}, () => { throw new Error('no session store') })
  t.equal((await throwing.inject('/ip-risk')).statusCode, 500)
})

t.test('the page has a strict policy, a nonce of its own for each answer, and is not stored', async t => {
  const app = await application(t)
  const [first, second] = [await app.inject('/ip-risk'), await app.inject('/ip-risk')]
  const policy = String(first.headers['content-security-policy'])
  t.match(policy, /^default-src 'none'; style-src 'nonce-[\w+/]{24}'; script-src 'nonce-[\w+/]{24}'; connect-src 'self'; form-action 'self'/)
  t.notMatch(policy, /unsafe|\*|https?:/)
  t.not(policy, second.headers['content-security-policy'])
  t.match(first.headers, { 'cache-control': 'no-store', 'x-content-type-options': 'nosniff', 'referrer-policy': 'no-referrer' })
  t.notMatch(first.body, /<\w[^<>]*\s(?:src|href|style|on\w+)=|url\(|@import|https?:/, 'one file, no inline handler or style')
})

t.test('the tables are there without JavaScript, with addresses as recordAddress says', async t => {
  const app = await application(t)
  await visit(app)
  const { body } = await app.inject('/ip-risk')
  t.match(body, 'Of 4 requests, 1 was blocked and 0 challenged. In enforce mode, 1 more would be blocked (25 %)')
  for (const text of ['signup', 'payment', 'vpn_detected', 'not_enforced', 'Health: ok', 'Circuit breaker']) t.match(body, text)
  t.match(body, visitors.vpn_detected.replace(/\d+$/, '0'))
  t.notMatch(body, visitors.vpn_detected)
  const full = await application(t, { recordAddress: 'full' })
  await visit(full)
  t.match((await full.inject('/ip-risk')).body, visitors.vpn_detected)
})

t.test('the page shows the last 100 decisions, newest first', async t => {
  const app = await application(t)
  for (let i = 0; i < 103; i++) {
    await app.inject({ method: 'POST', url: i < 102 ? '/signup' : '/trial', remoteAddress: visitors.clean })
  }
  const { body } = await app.inject('/ip-risk')
  const rows = body.slice(body.indexOf('The last 100 decisions')).match(/POST \/(?:signup|trial)/g)!
  t.equal(rows.length, 100)
  t.equal(rows[0], 'POST /trial')
})

t.test('the form explains pasted headers, and repeats nothing of them as markup', async t => {
  const app = await application(t)
  const send = async (payload: string) =>
    await app.inject({ method: 'POST', url: '/ip-risk', payload, headers: { 'content-type': 'application/x-www-form-urlencoded' } })
  const explain = async (peer: string, headers: string): Promise<string> =>
    (await send(new URLSearchParams({ peer, headers }).toString())).body
  t.match(await explain('10.0.0.1', 'X-Forwarded-For: 192.0.2.7'), /192\.0\.2\.7/)
  const body = await explain(`10.0.0.1${attack}`, `</textarea>${attack}\nX-Forwarded-For: ${attack}`)
  t.notMatch(body, '<img')
  t.match(body, '&lt;/textarea&gt;&lt;img')
  t.equal((await send('x'.repeat(200_000))).statusCode, 413)
  for (const character of ['%', '€', '\n']) {
    t.match(await explain('10.0.0.1', `X-Forwarded-For: 192.0.2.7\n${character.repeat(15_900)}`), /"status">[^<]*192\.0\.2\.7/)
  }
  t.equal((await app.inject({ method: 'POST', url: '/ip-risk' })).statusCode, 200)
})

t.test('pasted headers become what Node.js would have made of them', async t => {
  t.same(headersOf('Host: a\r\nX-Forwarded-For: 1\nx-forwarded-for:2 \nnot a header\n: x\n__proto__: y'), {
    headers: { host: 'a', 'x-forwarded-for': '1, 2', ['__proto__']: 'y' },
    rawHeaders: ['Host', 'a', 'X-Forwarded-For', '1', 'x-forwarded-for', '2', '__proto__', 'y']
  })
})

t.test('a page that is closed keeps no decision any more', async t => {
  const app = await application(t)
  await visit(app)
  const { observers } = internalsOf(app.ipRisk)!.engine
  t.type(observers.decision, 'function')
  await app.close()
  t.equal(observers.decision, undefined)
})

t.test('in a browser', { skip: withoutBrowser, timeout: 120_000 }, async t => {
  const browser: Browser = await startBrowser()
  t.teardown(() => browser.close())
  const app = await application(t, {}, ({ query }) => query.key === 'in the query')
  await visit(app)
  const url = `${await app.listen({ host: '127.0.0.1', port: 0 })}/ip-risk`

  const open = async (options = {}, prepare = async (_: Page) => {}): Promise<{ page: Page, problems: string[] }> => {
    const context = await browser.newContext(options)
    const page = await context.newPage()
    const problems: string[] = []
    page.on('console', message => { if (['error', 'warning'].includes(message.type())) problems.push(message.text()) })
    page.on('pageerror', error => problems.push(error.message))
    page.on('request', request => { if (!request.url().startsWith(url)) problems.push(request.url()) })
    await prepare(page)
    await page.goto(`${url}?key=in+the+query`)
    return { page, problems }
  }

  for (const colorScheme of ['light', 'dark'] as const) {
    const { page, problems } = await open({ colorScheme })
    await page.evaluate(axe)
    const runOnly = ['wcag2a', 'wcag2aa', 'wcag21aa', 'wcag22aa', 'best-practice']
    const { violations } = await page.evaluate(
      async runOnly => await (globalThis as any).axe.run(document, { runOnly }), runOnly)
    t.strictSame(violations.map(({ id, nodes }: any) => `${id}: ${nodes[0].html}`), [], `axe, ${colorScheme}`)
    t.strictSame(problems, [], 'nothing breaks the policy or is fetched from elsewhere')
    await page.context().close()
  }

  const { page, problems } = await open()
  t.equal(await page.locator('figure svg.chart rect').count() > 0, true)
  await page.keyboard.press('Tab')
  t.equal(await page.evaluate(() => document.activeElement!.id), 'pause', 'the first stop of the keyboard')
  await page.keyboard.press('Enter')
  t.equal(await page.getAttribute('#pause', 'aria-pressed'), 'true')
  const stops = new Set<string>()
  for (let i = 0; i < 13; i++) {
    await page.keyboard.press('Tab')
    stops.add(await page.evaluate(() => {
      const element = document.activeElement!
      return element.getAttribute('name') ?? element.getAttribute('aria-label') ?? element.textContent
    }))
  }
  for (const stop of ['Providers', 'peer', 'headers', 'Explain']) t.ok(stops.has(stop), `the keyboard reaches ${stop}`)
  await page.fill('#peer', '10.0.0.1')
  await page.fill('#headers', 'X-Forwarded-For: 192.0.2.7')
  await page.locator('#headers').press('Tab')
  await page.keyboard.press('Enter')
  await page.waitForSelector('[role=status]')
  t.match(await page.textContent('[role=status]'), /192\.0\.2\.7/)
  t.strictSame(problems, [])
  await page.context().close()

  const without = await open({ javaScriptEnabled: false })
  t.equal(await without.page.locator('#pause').isVisible(), false)
  t.ok(await without.page.locator('table').count() > 5)
  t.match(await without.page.textContent('main'), /vpn_detected/)

  const { page: watching, problems: ofUpdates } = await open({}, async page => await page.clock.install())
  await app.inject({ method: 'POST', url: '/signup', remoteAddress: visitors.vpn_likely })
  await watching.clock.runFor(6000)
  await watching.waitForFunction(() => document.getElementById('live')!.textContent!.includes('vpn_likely'))
  t.strictSame(ofUpdates, [], 'the live part is replaced, and nothing in it breaks the policy')
})
