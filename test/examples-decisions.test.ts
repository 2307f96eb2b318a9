import { spawn } from 'node:child_process'
import t, { type Test } from 'tap'
import { matchingStep, totp } from '../examples/totp.ts'
import { visitors } from '../examples/visitors.ts'
import { freePort } from './support/redis.ts'

interface Asking { visitor?: string, body?: object, headers?: Record<string, string>, method?: string }
type Ask = (path: string, options?: Asking) => Promise<Response>

/** Runs an example as its reader would, until it listens. */
async function run (t: Test, name: string): Promise<{ ask: Ask, printed: string }> {
  const port = await freePort()
  const example = spawn(process.execPath, ['--import', 'tsx', `examples/${name}.ts`], {
    env: { ...process.env, PORT: String(port), NODE_OPTIONS: '' }, stdio: ['ignore', 'pipe', 'inherit']
  })
  t.teardown(() => example.kill('SIGKILL'))
  const [chunk] = await Promise.race([
    new Promise<[string]>(resolve => example.stdout.setEncoding('utf8').once('data', text => resolve([text as string]))),
    new Promise<never>((_resolve, reject) => example.once('exit', code => reject(new Error(`${name} ended with ${code}`))))
  ])
  return {
    printed: chunk,
    ask: (path, { visitor = visitors.customer, body, headers = {}, method = 'POST' } = {}) => fetch(`http://127.0.0.1:${port}${path}`, {
      method,
      headers: { 'x-forwarded-for': visitor, ...body !== undefined && { 'content-type': 'application/json' }, ...headers },
      ...body !== undefined && { body: JSON.stringify(body) }
    })
  }
}

t.test('the one-time passwords are those of RFC 6238, appendix B', async t => {
  const secret = Buffer.from('12345678901234567890')
  const vectors: [seconds: number, code: string][] = [
    [59, '94287082'], [1111111109, '07081804'], [1111111111, '14050471'], [1234567890, '89005924'], [2000000000, '69279037'], [20000000000, '65353130']
  ]
  for (const [seconds, code] of vectors) {
    const step = Math.floor(seconds / 30)
    t.equal(totp(secret, step), code.slice(-6))
    for (const drift of [-30, 0, 30]) t.equal(matchingStep(secret, code.slice(-6), -1, (seconds + drift) * 1000), step)
    t.equal(matchingStep(secret, code.slice(-6), step, seconds * 1000), undefined, 'a code is good once')
    t.equal(matchingStep(secret, code.slice(-6), -1, (seconds + 90) * 1000), undefined, 'and for a minute and a half at most')
  }
  for (const wrong of ['', '12345', '1234567', 'abcdef', 287082, undefined]) t.equal(matchingStep(secret, wrong, -1, 59_000), undefined)
})

t.test('session and TOTP: from the challenge to the satisfied request', async t => {
  const { ask, printed } = await run(t, 'session-totp')
  const visitor = visitors.proxied
  let cookie = ''
  const go: Ask = async (path, options = {}) => {
    const reply = await ask(path, { visitor, body: {}, ...options, headers: { cookie } })
    const [set] = reply.headers.getSetCookie()
    if (set !== undefined) cookie = set.split(';')[0]!
    return reply
  }
  const stranger = await go('/withdrawal')
  t.equal(stranger.status, 401)
  t.equal(stranger.headers.get('www-authenticate'), null, 'the application\'s own 401: who are you?')
  t.equal((await go('/login', { body: { user: 'ada', password: 'wrong' } })).status, 401)
  t.equal((await go('/login', { body: { user: 'ada', password: 'correct horse' } })).status, 200)

  t.equal((await go('/withdrawal', { visitor: visitors.customer })).status, 200, 'from home nobody is asked')
  const challenged = await go('/withdrawal')
  t.equal(challenged.status, 401)
  t.equal(challenged.headers.get('www-authenticate'), 'Session error="insufficient_user_authentication", ' +
    'error_description="A stronger or more recent authentication is required", max_age="300"')
  t.match(await challenged.json(), { code: 'FST_IP_RISK_STEP_UP' })

  const [, secretHex] = printed.match(/TOTP secret ([0-9a-f]+)/)!
  const code = totp(Buffer.from(secretHex!, 'hex'), Math.floor(Date.now() / 30_000))
  const wrong = String((Number(code) + 1) % 1_000_000).padStart(6, '0')
  t.equal((await go('/second-factor', { body: { code: wrong } })).status, 403)
  t.equal((await go('/withdrawal')).status, 401)
  t.equal((await go('/second-factor', { body: { code } })).status, 200)
  const paid = await go('/withdrawal')
  t.equal(paid.status, 200)
  t.same(await paid.json(), { paid: 100 })
  t.equal((await go('/second-factor', { body: { code } })).status, 403, 'a code is good once')
  t.equal((await go('/withdrawal', { visitor: visitors.torUser })).status, 403, 'what is blocked stays blocked')
})

t.test('bearer tokens: the challenge says which token to fetch, and that one is let in', async t => {
  const { ask } = await run(t, 'bearer-token')
  const token = async (body: object): Promise<string> => (await (await ask('/token', { body })).json() as { access_token: string }).access_token
  const pay = async (bearer: string | undefined, visitor: string): Promise<Response> =>
    await ask('/payment', { visitor, ...bearer !== undefined && { headers: { authorization: `Bearer ${bearer}` } } })

  t.equal((await pay(undefined, visitors.proxied)).headers.get('www-authenticate'), null, 'no token: not our 401')
  t.equal((await pay(await token({}), visitors.customer)).status, 200, 'a password is enough from home')
  const challenged = await pay(await token({}), visitors.proxied)
  t.equal(challenged.status, 401)
  const challenge = challenged.headers.get('www-authenticate')!
  t.match(challenge, /^Bearer error="insufficient_user_authentication", /)
  const parameters = Object.fromEntries([...challenge.matchAll(/(\w+)="([^"]*)"/g)].map(([, name, value]) => [name, value]))
  t.match(parameters, { acr_values: 'phr urn:example:acr:mfa', max_age: '300' })

  const stale = await token({ acr_values: parameters['acr_values'], auth_time: Math.floor(Date.now() / 1000) - Number(parameters['max_age']) - 10 })
  t.equal((await pay(stale, visitors.proxied)).status, 401, 'strong, and too long ago')
  const paid = await pay(await token({ acr_values: parameters['acr_values'] }), visitors.proxied)
  t.equal(paid.status, 200)
  t.same(await paid.json(), { paidBy: 'ada' })
  t.equal((await pay(await token({ acr_values: 'urn:example:acr:mfa' }), visitors.proxied)).status, 200, 'the second choice satisfies too')
})

t.test('plain node:http: the engine alone', async t => {
  const { ask } = await run(t, 'plain-http')
  t.equal((await ask('/signup', { visitor: visitors.torUser })).status, 403)
  const challenged = await ask('/signup', { visitor: visitors.proxied })
  t.equal(challenged.status, 401)
  t.match(challenged.headers.get('www-authenticate'), /^Bearer error="insufficient/)
  t.same(await challenged.json(), { code: 'FST_IP_RISK_STEP_UP', message: 'A stronger or more recent authentication is required' })
  t.equal((await ask('/signup', { visitor: visitors.proxied, headers: { 'x-code': '123456' } })).status, 200)
  t.same(await (await ask('/signup', { visitor: visitors.hosted })).json(), { decision: 'elevate_risk' })
  t.same(await (await ask('/', { visitor: visitors.torUser, method: 'GET' })).json(), { decision: 'allow' })
})

t.test('Express: middleware for all, and for one route behind its authentication', async t => {
  const { ask } = await run(t, 'express')
  t.equal((await ask('/pricing', { visitor: visitors.torUser, method: 'GET' })).status, 200)
  const blocked = await ask('/signup', { visitor: visitors.torUser })
  t.equal(blocked.status, 403)
  t.same(await blocked.json(), { code: 'FST_IP_RISK_BLOCKED' })
  t.same(await (await ask('/signup', { visitor: visitors.hosted })).json(), { decision: 'elevate_risk' })
  t.equal((await ask('/payment', { visitor: visitors.proxied })).headers.get('www-authenticate'), null, 'who is not known is not stepped up')
  const headers = { authorization: 'x' }
  const challenged = await ask('/payment', { visitor: visitors.stranger, headers })
  t.equal(challenged.status, 401)
  t.match(challenged.headers.get('www-authenticate'), /^Bearer error="insufficient/)
  t.equal((await ask('/payment', { visitor: visitors.stranger, headers: { ...headers, 'x-code': '123456' } })).status, 200)
})
