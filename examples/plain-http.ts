// The engine alone, on node:http. `node --import tsx examples/plain-http.ts`, then the curl lines it prints.
import { createServer } from 'node:http'
import { createIpRisk } from 'fastify-ip-risk'
import { exampleLists, visitors } from './visitors.ts'

const { PORT = '3000' } = process.env
const ipRisk = createIpRisk({
  provider: exampleLists(),
  clientIp: { trusted: ['loopback'], cloudflare: false },
  stepUp: { isSatisfied: request => request.headers['x-code'] === '123456' }
})

const server = createServer(async (request, response) => {
  const isSignup = request.method === 'POST' && request.url === '/signup'
  const risk = await ipRisk.assess(request, isSignup ? 'signup' : true, response)
  const rejection = await ipRisk.enforce(request, risk)
  if (rejection !== null) {
    const { statusCode, headers, code, message } = rejection
    response.writeHead(statusCode, { ...headers, 'content-type': 'application/json' }).end(JSON.stringify({ code, message }))
    return
  }
  response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ decision: risk.decision }))
})
server.listen(Number(PORT), '127.0.0.1', () => console.log(`Listening on http://127.0.0.1:${PORT}. Try:

curl -i -X POST -H 'x-forwarded-for: ${visitors.torUser}' http://127.0.0.1:${PORT}/signup   # 403
curl -i -X POST -H 'x-forwarded-for: ${visitors.proxied}' http://127.0.0.1:${PORT}/signup   # 401, and what is missing
curl -i -H 'x-forwarded-for: ${visitors.torUser}' http://127.0.0.1:${PORT}/                 # 200: a read`))

process.once('SIGTERM', async () => {
  server.close()
  await ipRisk.close()
})
