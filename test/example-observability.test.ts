import t from 'tap'
import { spawn } from 'node:child_process'
import { freePort } from './support/redis.ts'

t.test('the example for Prometheus answers what its first lines say', async t => {
  const url = `http://127.0.0.1:${await freePort()}`
  const app = spawn(process.execPath, ['--import', 'tsx', 'examples/observability/server.ts'], {
    env: { ...process.env, PORT: new URL(url).port, OPERATOR_TOKEN: 'secret', REDIS_URL: undefined, NODE_OPTIONS: '' },
    stdio: ['ignore', 'pipe', 'inherit']
  })
  t.teardown(() => app.kill())
  let printed = ''
  for await (const chunk of app.stdout.setEncoding('utf8')) {
    printed += chunk
    if (printed.includes('Listening on ')) break
  }
  app.stdout.resume()
  t.match(printed, '\\"redis\\" is not set')

  await fetch(`${url}/signup`, { method: 'POST', headers: { 'x-forwarded-for': '198.51.100.50' } })
  t.match(await (await fetch(`${url}/metrics`)).text(), /withheld_rejections_total\{[^}]*fastify_ip_risk_action="signup"[^}]*\} 1\n/)
  t.strictSame(await (await fetch(`${url}/ready`)).json(), { status: 'ok', ipRisk: 'ok' })

  const pageFor = async (login?: string): Promise<Response> => await fetch(`${url}/ip-risk`, {
    headers: login === undefined ? {} : { authorization: `Basic ${Buffer.from(login).toString('base64')}` }
  })
  for (const login of [undefined, 'operator:', 'operator:wrong']) {
    const { status, headers } = await pageFor(login)
    t.equal(status, 401)
    t.match(headers.get('www-authenticate'), /^Basic /, 'so that a browser asks for the login')
  }
  const page = await pageFor('operator:secret')
  t.equal(page.status, 200)
  t.match(await page.text(), /198\.51\.100\.0\/24.*vpn_detected/)
})
