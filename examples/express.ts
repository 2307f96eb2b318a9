// The same engine in Express 5. `node --import tsx examples/express.ts`, then the curl lines it prints.
import express from 'express'
import ipRisk from 'fastify-ip-risk/express'
import { exampleLists, visitors } from './visitors.ts'

const { PORT = '3000' } = process.env
const risk = ipRisk({
  provider: exampleLists(),
  clientIp: { trusted: ['loopback'], cloudflare: false },
  stepUp: { isSatisfied: req => req.get('x-code') === '123456' }
})

const app = express()
app.use(risk) // req.ipRisk on every request, from the cache; nobody is refused

app.get('/pricing', (req, res) => { res.json({ price: 9, verdict: req.ipRisk?.verdict }) })
app.post('/signup', risk.route('signup'), (req, res) => { res.json({ decision: req.ipRisk?.decision }) })
// Behind the authentication, so that a step-up knows whom it asks.
const authenticate: express.RequestHandler = (req, res, next) => { req.get('authorization') === undefined ? res.sendStatus(401) : next() }
app.post('/payment', authenticate, risk.route({ action: 'payment', policy: { write: { unknown: 'step_up_auth' } } }), (_req, res) => { res.json({ paid: true }) })

const asJson: express.ErrorRequestHandler = (err: { statusCode?: number, code?: string }, _req, res, _next) => {
  res.status(err.statusCode ?? 500).json({ code: err.code ?? 'INTERNAL' })
}
app.use(asJson)

const server = app.listen(Number(PORT), '127.0.0.1', () => console.log(`Listening on http://127.0.0.1:${PORT}. Try:

curl -i -X POST -H 'x-forwarded-for: ${visitors.torUser}' http://127.0.0.1:${PORT}/signup   # 403
curl -i -X POST -H 'x-forwarded-for: ${visitors.hosted}' http://127.0.0.1:${PORT}/signup    # 200, elevate_risk
curl -i -X POST -H 'authorization: x' -H 'x-forwarded-for: ${visitors.proxied}' http://127.0.0.1:${PORT}/payment  # 401`))

process.once('SIGTERM', async () => {
  server.close()
  await risk.close()
})
