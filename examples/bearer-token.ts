// Step-up with bearer tokens, RFC 9470 to the letter: the challenge says which authentication is wanted, the client fetches a token
// with that `acr` and a fresh `auth_time` from its authorization server, and asks again.
// `node --import tsx examples/bearer-token.ts`, then the curl lines it prints.
import { randomBytes } from 'node:crypto'
import jwt from '@fastify/jwt'
import Fastify, { type FastifyRequest } from 'fastify'
import ipRisk from 'fastify-ip-risk'
import { exampleLists, visitors } from './visitors.ts'

/** The claims of RFC 9068 that matter here. `auth_time`: seconds since 1970. */
interface Claims { readonly sub: string, readonly acr: string, readonly auth_time: number }
declare module '@fastify/jwt' {
  interface FastifyJWT { payload: Claims, user: Claims }
}

/** What would satisfy, the better one first: a phishing-resistant key, or any second factor. */
const ACR_VALUES = ['phr', 'urn:example:acr:mfa']
const MAX_AGE_SECONDS = 300
const { PORT = '3000' } = process.env

const app = Fastify({ logger: { level: 'warn' } })
await app.register(jwt, { secret: randomBytes(32), sign: { expiresIn: '10m' } }) // yours: the public key of your authorization server
await app.register(ipRisk, {
  provider: exampleLists(),
  clientIp: { trusted: ['loopback'], cloudflare: false },
  stepUp: {
    acrValues: ACR_VALUES,
    maxAgeSeconds: MAX_AGE_SECONDS,
    isSatisfied: ({ user }) => ACR_VALUES.includes(user.acr) && Date.now() / 1000 - user.auth_time <= MAX_AGE_SECONDS
  }
})

const withToken = async (request: FastifyRequest): Promise<void> => { await request.jwtVerify() }
app.post('/payment', { config: { ipRisk: 'payment' }, preHandler: withToken }, async request => ({ paidBy: request.user.sub }))

// Stands for the authorization server, which would now ask its user for the second factor: it believes what it is asked for.
app.post<{ Body: { acr_values?: string, auth_time?: number } }>('/token', async request => {
  const { acr_values: wanted = 'pwd', auth_time: authTime = Math.floor(Date.now() / 1000) } = request.body
  return { access_token: app.jwt.sign({ sub: 'ada', acr: wanted.split(' ')[0]!, auth_time: authTime }) }
})

await app.listen({ port: Number(PORT), host: '127.0.0.1' })
const base = `http://127.0.0.1:${PORT}`
console.log(`Listening on ${base}. Try:

token() { curl -s ${base}/token -H 'content-type: application/json' -d "$1" | cut -d'"' -f4; }
pay() { curl -si -X POST ${base}/payment -H "authorization: Bearer $1" -H 'x-forwarded-for: ${visitors.proxied}'; }
pay "$(token '{}')"                          # 401: a password is not enough over a proxy
pay "$(token '{"acr_values":"phr"}')"        # 200: the token that the challenge asks for`)
