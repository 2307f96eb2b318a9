// Accounts: a VPN regular, a stranger and an impossible traveller. `node --import tsx examples/accounts.ts`, then the curl lines
// that it prints.
import { randomBytes, scryptSync, timingSafeEqual } from 'node:crypto'
import secureSession from '@fastify/secure-session'
import Fastify, { type FastifyRequest } from 'fastify'
import ipRisk, { type Provider } from 'fastify-ip-risk'

declare module '@fastify/secure-session' {
  interface SessionData { user: string, device: string, secondFactorAtMs: number, secondFactorFrom: string }
}

const { PORT = '3000', REDIS_URL, IP_RISK_SECRET } = process.env
const MAX_AGE_SECONDS = 300
/** Stands for the mail or the authenticator of your customer. */
const CODE = '123456'

const berlin = { asn: 'AS64500', countryCode: 'DE', city: 'Berlin', lat: 52.52, lon: 13.4 }
const sydney = { asn: 'AS64501', countryCode: 'AU', city: 'Sydney', lat: -33.87, lon: 151.21 }
const nothing = { score: null, confidence: null, signals: [], categories: [] }
/** Three addresses in place of a provider: a VPN exit, a home in Berlin, a hotel in Sydney. */
const provider: Provider = {
  name: 'example',
  async lookup (ip) {
    if (ip === '203.0.113.7') return { ...nothing, verdict: 'vpn_likely', isVpn: true, info: { asn: 'AS64502' }, categories: ['vpn'] }
    return { ...nothing, verdict: 'clean', isVpn: false, info: ip.startsWith('198.51.100.') ? sydney : berlin }
  }
}

const app = Fastify({ logger: { level: 'warn' } })
await app.register(secureSession, { key: randomBytes(32), cookie: { path: '/', httpOnly: true, sameSite: 'strict' } }) // keep the key in production
await app.register(ipRisk, {
  provider,
  clientIp: { trusted: ['loopback'], cloudflare: false },
  ...REDIS_URL !== undefined && { redis: REDIS_URL },
  ...IP_RISK_SECRET !== undefined && { cache: { keySecret: IP_RISK_SECRET } },
  stepUp: {
    scheme: 'Session',
    maxAgeSeconds: MAX_AGE_SECONDS,
    isSatisfied (request) {
      const { ip = null } = request.ipRisk ?? {}
      const atMs = request.session.get('secondFactorAtMs')
      // From this address: who steals the cookie must not confirm a network of their own with it.
      return ip !== null && request.session.get('secondFactorFrom') === ip && atMs !== undefined && Date.now() - atMs <= MAX_AGE_SECONDS * 1000
    }
  },
  familiarity: {
    account: request => request.session.get('user'),
    device: request => request.session.get('device') // in a signed cookie, so nobody makes one up; yours lives longer than a session
  },
  policy: {
    rules: [
      { name: 'impossible traveller', familiarity: 'impossible', then: 'step_up_auth' },
      { name: 'stranger', familiarity: ['new', 'first'], atLeast: 'elevate_risk' }
    ]
  }
})

class NotLoggedIn extends Error { statusCode = 401 }
async function loggedIn (request: FastifyRequest): Promise<void> {
  if (request.session.get('user') === undefined) throw new NotLoggedIn('log in first')
}

const salt = randomBytes(16)
const passwordHash = scryptSync('correct horse', salt, 32)
// Monitored: the password comes first, and where the money is, the step-up.
app.post<{ Body: { user?: unknown, password?: unknown } }>('/login', { config: { ipRisk: { mode: 'monitor' } } }, async request => {
  const { user, password } = request.body
  if (user !== 'ada' || typeof password !== 'string' || !timingSafeEqual(scryptSync(password, salt, 32), passwordHash)) {
    throw new NotLoggedIn('no such customer, or another password')
  }
  const device = request.session.get('device') ?? randomBytes(16).toString('hex')
  request.session.regenerate()
  request.session.set('user', user)
  request.session.set('device', device)
  return { welcome: user }
})

app.post<{ Body: { code?: unknown } }>('/second-factor', { config: { ipRisk: { mode: 'monitor' } }, preHandler: loggedIn }, async (request, reply) => {
  if (request.body.code !== CODE) return await reply.code(403).send({ message: 'that is not the code' })
  request.session.set('secondFactorAtMs', Date.now())
  request.session.set('secondFactorFrom', request.ipRisk?.ip ?? '')
  await app.ipRisk.trust(request) // here, and not after the login: a thief may have the password
  return { thanks: true }
})

app.post('/payment', { config: { ipRisk: 'payment' }, preHandler: loggedIn }, async ({ ipRisk }) =>
  ({ paid: 10, familiarity: ipRisk?.familiarity, decision: ipRisk?.decision }))

app.delete('/account', { preHandler: loggedIn }, async request => {
  await app.ipRisk.forget(request.session.get('user')!)
  request.session.delete()
  return { forgotten: true }
})

await app.listen({ port: Number(PORT), host: '127.0.0.1' })
const curl = (ip: string): string => `curl -s -b jar -c jar -H 'content-type: application/json' -H 'x-forwarded-for: ${ip}' http://127.0.0.1:${PORT}`
console.log(`Listening on http://127.0.0.1:${PORT}

${curl('203.0.113.7')}/login -d '{"user":"ada","password":"correct horse"}'
${curl('203.0.113.7')}/payment -d '{}'                      # 401: a VPN, and nobody knows this network
${curl('203.0.113.7')}/second-factor -d '{"code":"${CODE}"}'
${curl('203.0.113.7')}/payment -d '{}'                      # 200, and this VPN is known from now on
${curl('192.0.2.1')}/payment -d '{}'                        # a stranger: flagged
${curl('192.0.2.1')}/second-factor -d '{"code":"${CODE}"}'    # it is Ada, at home in Berlin
${curl('198.51.100.1')}/payment -d '{}'                     # 401: Sydney, seconds later, is impossible`)
