// Step-up with a session and an authenticator app: a withdrawal over an anonymising proxy needs a code of the last five minutes.
// `node --import tsx examples/session-totp.ts`, then the curl lines it prints.
import { randomBytes, scryptSync, timingSafeEqual } from 'node:crypto'
import secureSession from '@fastify/secure-session'
import Fastify, { type FastifyRequest } from 'fastify'
import ipRisk from 'fastify-ip-risk'
import { matchingStep } from './totp.ts'
import { exampleLists, visitors } from './visitors.ts'

declare module '@fastify/secure-session' {
  interface SessionData { user: string, secondFactorAtMs: number }
}

const MAX_AGE_SECONDS = 300
const { PORT = '3000', TOTP_SECRET_HEX = '3132333435363738393031323334353637383930' } = process.env
// One customer; yours are in a database, with a secret each.
const salt = randomBytes(16)
const ada = { passwordHash: scryptSync('correct horse', salt, 32), totpSecret: Buffer.from(TOTP_SECRET_HEX, 'hex'), usedStep: -1, failures: 0 }

const app = Fastify({ logger: { level: 'warn' } })
await app.register(secureSession, { key: randomBytes(32), cookie: { path: '/', httpOnly: true, sameSite: 'strict' } }) // keep the key in production
await app.register(ipRisk, {
  provider: exampleLists(),
  clientIp: { trusted: ['loopback'], cloudflare: false },
  stepUp: {
    scheme: 'Session', // not Bearer: this API is used with a cookie
    maxAgeSeconds: MAX_AGE_SECONDS,
    isSatisfied (request) {
      const atMs = request.session.get('secondFactorAtMs')
      return atMs !== undefined && Date.now() - atMs <= MAX_AGE_SECONDS * 1000
    }
  }
})

class NotLoggedIn extends Error { statusCode = 401 }
async function loggedIn (request: FastifyRequest): Promise<void> {
  if (request.session.get('user') === undefined) throw new NotLoggedIn('log in first')
}

app.post<{ Body: { user?: unknown, password?: unknown } }>('/login', async request => {
  const { user, password } = request.body
  const isAda = user === 'ada' && typeof password === 'string' && timingSafeEqual(scryptSync(password, salt, 32), ada.passwordHash)
  if (!isAda) throw new NotLoggedIn('no such customer, or another password')
  request.session.regenerate()
  request.session.set('user', 'ada')
  return { welcome: 'ada' }
})

app.post<{ Body: { code?: unknown } }>('/second-factor', { preHandler: loggedIn }, async (request, reply) => {
  const step = ada.failures < 5 ? matchingStep(ada.totpSecret, request.body.code, ada.usedStep) : undefined
  if (step === undefined) {
    ada.failures++ // a million codes are soon tried: yours also expires, and is kept where all processes see it
    return await reply.code(403).send({ message: 'that is not the code' })
  }
  ada.usedStep = step
  ada.failures = 0
  request.session.set('secondFactorAtMs', Date.now())
  return { thanks: true }
})

// The step-up is asked behind `loggedIn`: it knows whose session it looks at.
app.post('/withdrawal', { config: { ipRisk: 'withdrawal' }, preHandler: loggedIn }, async () => ({ paid: 100 }))

await app.listen({ port: Number(PORT), host: '127.0.0.1' })
const curl = `curl -si -b jar -c jar -H 'content-type: application/json' -H 'x-forwarded-for: ${visitors.proxied}' http://127.0.0.1:${PORT}`
console.log(`Listening on http://127.0.0.1:${PORT}. Add TOTP secret ${TOTP_SECRET_HEX} (hex, SHA-1, 30 s) to an authenticator, then:

${curl}/login -d '{"user":"ada","password":"correct horse"}'
${curl}/withdrawal -d '{}'                        # 401, and WWW-Authenticate says what is missing
${curl}/second-factor -d '{"code":"123456"}'      # the code of your authenticator
${curl}/withdrawal -d '{}'                        # 200`)
