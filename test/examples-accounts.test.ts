import { spawn } from 'node:child_process'
import t from 'tap'
import { freePort } from './support/redis.ts'

t.test('the accounts example knows a VPN regular, flags a stranger, and stops an impossible traveller', async t => {
  const port = await freePort()
  const example = spawn(process.execPath, ['--import', 'tsx', 'examples/accounts.ts'], {
    env: { ...process.env, PORT: String(port), NODE_OPTIONS: '', REDIS_URL: undefined, IP_RISK_SECRET: undefined },
    stdio: ['ignore', 'pipe', 'inherit']
  })
  t.teardown(() => example.kill())
  for await (const chunk of example.stdout.setEncoding('utf8')) if (String(chunk).includes('Listening')) break

  /** A browser: it keeps its cookie. */
  function browser () {
    let cookie = ''
    return async (ip: string, path: string, body: object = {}, method = 'POST'): Promise<[number, unknown]> => {
      const reply = await fetch(`http://127.0.0.1:${port}${path}`, {
        method, headers: { 'content-type': 'application/json', 'x-forwarded-for': ip, cookie }, body: JSON.stringify(body)
      })
      cookie = reply.headers.get('set-cookie')?.split(';')[0] ?? cookie
      return [reply.status, await reply.json()]
    }
  }
  const [vpn, home, sydney] = ['203.0.113.7', '192.0.2.1', '198.51.100.9']
  const ada = browser()
  const login = { user: 'ada', password: 'correct horse' }
  t.match(await ada(home, '/payment'), [401, { message: 'log in first' }])
  t.match(await ada(home, '/login', login), [200, { welcome: 'ada' }])
  t.match(await ada(home, '/payment'), [200, { familiarity: 'first', decision: 'elevate_risk' }], 'the password alone is no evidence')
  t.match(await ada(home, '/second-factor', { code: '123456' }), [200])
  t.match(await ada(home, '/payment'), [200, { familiarity: 'similar', decision: 'allow' }])
  t.match(await ada(vpn, '/payment'), [401, { code: 'FST_IP_RISK_STEP_UP' }], 'the code was given from home')
  t.match(await ada(vpn, '/second-factor', { code: '123456' }), [200])
  t.match(await ada(vpn, '/payment'), [200, { familiarity: 'similar' }], 'the step-up is satisfied, and teaches')
  t.match(await ada(vpn, '/payment'), [200, { familiarity: 'known', decision: 'elevate_risk' }])
  const thief = browser()
  t.match(await thief(sydney, '/login', { ...login, password: 'wrong' }), [401])
  t.match(await thief(sydney, '/login', login), [200], 'the password is right')
  t.match(await thief(sydney, '/payment'), [401, { code: 'FST_IP_RISK_STEP_UP' }], 'Sydney, a moment after Berlin')
  t.match(await thief(vpn, '/payment'), [401, { code: 'FST_IP_RISK_STEP_UP' }], 'the same VPN, another device')
  t.match(await ada(vpn, '/account', {}, 'DELETE'), [200, { forgotten: true }])
  await ada(vpn, '/login', login)
  t.match(await ada(home, '/payment'), [200, { familiarity: 'first', decision: 'elevate_risk' }], 'forgotten: a stranger again')
})
