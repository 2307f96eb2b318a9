// A shop that judges its visitors. `npm start`, then play every visitor with the curl lines it prints.
// REDIS_URL=redis://127.0.0.1:6379 shares verdicts; PROVIDER=iplogs asks the real service instead of the example's own list.
import Fastify from 'fastify'
import ipRisk, { failClosed, iplogs } from 'fastify-ip-risk'
import { exampleLists, visitors } from './visitors.ts'

const { PORT = '3000', REDIS_URL, PROVIDER = 'lists' } = process.env
const provider = PROVIDER === 'iplogs' ? iplogs() : exampleLists()

const app = Fastify({ logger: { level: 'warn' } })

await app.register(ipRisk, {
  provider,
  ...REDIS_URL !== undefined && { redis: REDIS_URL },
  // You are the proxy here: curl speaks from 127.0.0.1, and X-Forwarded-For says for whom.
  clientIp: { trusted: ['loopback'], cloudflare: false },
  // Stands for a real second factor; examples/session-totp.ts and examples/bearer-token.ts show two.
  stepUp: { isSatisfied: request => request.headers['x-code'] === '123456', maxAgeSeconds: 300 }
})

const done = async (): Promise<object> => ({ done: true })
app.post('/signup', { config: { ipRisk: 'signup' } }, done)
app.post('/payment', { config: { ipRisk: 'payment' } }, done)
app.post('/withdrawal', {
  // With nothing known about the address, money leaves after a second factor only; without any address it does not leave.
  config: { ipRisk: { action: 'withdrawal', policy: failClosed } }
}, done)
app.get('/pricing', async () => ({ price: 9 })) // a read: annotated, never refused
app.get('/whoami', { config: { ipRisk: true } }, async request => request.ipRisk)

await app.listen({ port: Number(PORT), host: '127.0.0.1' })

const tries: [what: string, visitor: string, request: string][] = [
  ['a customer signs up', visitors.customer, '-X POST /signup'],
  ['a hosted machine signs up: flagged, and let in', visitors.hosted, '-X POST /signup'],
  ['a proxy pays: asked for a second factor', visitors.proxied, '-X POST /payment'],
  ['… and has it', visitors.proxied, "-H 'x-code: 123456' -X POST /payment"],
  ['a Tor exit signs up: refused', visitors.torUser, '-X POST /signup'],
  ['… and reads the prices', visitors.torUser, '/pricing'],
  ['a private relay pays: an ordinary customer', visitors.relayUser, '-X POST /payment'],
  ['a stranger pays: nothing is known, so let in', visitors.stranger, '-X POST /payment'],
  ['… and withdraws: nothing is known, so asked', visitors.stranger, '-X POST /withdrawal'],
  ['everything that a handler sees', visitors.torUser, '/whoami']
]
const base = `http://127.0.0.1:${PORT}`
console.log(`Listening on ${base}. Try, and see the status it answers:\n`)
for (const [what, visitor, request] of tries) {
  const [path = '/'] = request.split(' ').slice(-1)
  const answer = await app.inject({
    method: request.includes('-X POST') ? 'POST' : 'GET',
    url: path,
    headers: { 'x-forwarded-for': visitor, ...request.includes('x-code') && { 'x-code': '123456' } }
  })
  console.log(`# ${what}: ${answer.statusCode}`)
  console.log(`curl -sw ' %{http_code}\\n' -H 'x-forwarded-for: ${visitor}' ${request.replace(path, base + path)}\n`)
}
