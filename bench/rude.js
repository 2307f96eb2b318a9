// Rude visitors: what libraries that find or judge a client's address let through. The visitor is on a deny list, or has
// used up its limit, so every run of the handler is a request that got around it. The strictest configuration first.
//   npm run build && cd bench && npm install && node rude.js [count]
import { execFile, execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:http'
import { connect } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const PROXY = '127.0.0.1'
/** The visitor's address, by a connection of its own and as the proxy writes it. */
const DIRECT = '127.0.0.66'
const BEHIND = '93.184.216.66'
const FORGED = '6.6.6.6'
const isDenied = address => address === DIRECT || address === BEHIND
const names = {
  [PROXY]: 'the proxy', [FORGED]: 'the forged address', [DIRECT]: 'the visitor', [BEHIND]: 'the visitor', '': 'nobody'
}
const shown = address => names[address] ?? String(address)

/** For every server below: how long something else takes ahead of the gate, and whom the handler ran for. */
let aheadMs = 0
let handled = []
const ahead = async () => { if (aheadMs > 0) await delay(aheadMs) }

async function fastify (options, gate) {
  const { default: Fastify } = await import('fastify')
  const app = Fastify(options)
  app.addHook('onRequest', ahead)
  const config = await gate(app)
  app.post('/', { config }, async request => {
    handled.push(request.ipRisk ? request.ipRisk.ip : request.judged)
    return 'done'
  })
  await app.listen({ port: 0, host: PROXY })
  return app.server
}

/** The gate that an application puts around a library that only finds an address. */
function byAddress (app, addressOf) {
  app.addHook('preHandler', async (request, reply) => {
    request.judged = addressOf(request)
    if (isDenied(request.judged)) return reply.code(403).send('denied')
  })
}

const fastifyTrusting = trustProxy => fastify({ trustProxy }, app => byAddress(app, request => request.ip))

async function express (middleware, trustProxy) {
  const { default: createApp } = await import('express')
  const app = createApp().set('env', 'test')
  if (trustProxy !== undefined) app.set('trust proxy', trustProxy)
  app.use((_req, _res, next) => { ahead().then(next, next) })
  app.post('/', middleware, (req, res) => {
    handled.push(req.ipRisk ? req.ipRisk.ip : req.judged)
    res.send('done')
  })
  return await listening(createServer(app))
}

async function listening (server) {
  server.listen(0, PROXY)
  await once(server, 'listening')
  return server
}

const expressByAddress = addressOf => (req, res, next) => {
  req.judged = addressOf(req)
  if (isDenied(req.judged)) res.status(403).send('denied')
  else next()
}

/** Without a network: what it would fetch is in its cache. */
async function ipinfo (selector) {
  const { default: middleware, ...selectors } = (await import('ipinfo-express')).default
  const cache = { get: async key => ({ ip: key.split(':')[0] }), set: async () => {} }
  const gate = middleware({ token: 'none', cache, ipSelector: selectors[selector] })
  return await express([gate, expressByAddress(req => req.ipinfo?.ip)], PROXY)
}

async function fastifyRateLimit (options) {
  class Store {
    incr (key, done) { done(null, { current: isDenied(key) ? 1000 : 1, ttl: 60_000 }) }
    child () { return this }
  }
  return await fastify({ trustProxy: PROXY }, async app => {
    await app.register(import('@fastify/rate-limit'), { max: 100, store: Store, ...options })
    app.addHook('preHandler', async request => { request.judged = request.ip })
  })
}

const quiet = () => {}
const log = { debug: quiet, info: quiet, warn: quiet, error: quiet }
const ours = { clientIp: { trusted: [PROXY] }, deny: [DIRECT, BEHIND] }

const libraries = {
  'fastify-ip-risk': () => fastify({}, async app => {
    await app.register(import('../dist/lib/index.js'), ours)
    return { ipRisk: 'withdrawal' }
  }),
  'fastify-ip-risk/express': async () => {
    const { default: ipRisk } = await import('../dist/lib/frameworks/express.js')
    return await express(ipRisk({ ...ours, log }).route('withdrawal'))
  },
  'fastify-ip-risk, createIpRisk()': async () => {
    const { createIpRisk } = await import('../dist/lib/index.js')
    const engine = createIpRisk({ ...ours, log })
    return await listening(createServer(async (request, response) => {
      await ahead()
      const risk = await engine.assess(request, 'withdrawal')
      const rejection = await engine.enforce(request, risk)
      if (rejection === null) handled.push(risk.ip)
      response.writeHead(rejection?.statusCode ?? 200).end()
    }))
  },
  "Fastify, trustProxy: '127.0.0.1'": () => fastifyTrusting(PROXY),
  'Fastify, trustProxy: true': () => fastifyTrusting(true),
  "proxy-addr, ['127.0.0.1']": async () => {
    const { default: proxyAddr } = await import('proxy-addr')
    const trust = proxyAddr.compile([PROXY])
    return await express(expressByAddress(req => proxyAddr(req, trust)))
  },
  'request-ip': async () => {
    const { default: requestIp } = await import('request-ip')
    return await express(expressByAddress(req => requestIp.getClientIp(req)))
  },
  "fastify-ip, strict, order: 'x-forwarded-for'": () => fastify({}, async app => {
    await app.register(import('fastify-ip'), { order: 'x-forwarded-for', strict: true })
    byAddress(app, request => request.ip)
  }),
  'fastify-ip': () => fastify({}, async app => {
    await app.register(import('fastify-ip'))
    byAddress(app, request => request.ip)
  }),
  "@arcjet/ip, proxies: ['127.0.0.1']": async () => {
    const { default: findIp } = await import('@arcjet/ip')
    // It takes no loopback address for a client.
    const seen = ({ remoteAddress }) => ({ remoteAddress: remoteAddress === DIRECT ? BEHIND : remoteAddress })
    const addressOf = ({ headers, socket }) => findIp({ headers, socket: seen(socket) }, { proxies: [PROXY] })
    return await express(expressByAddress(addressOf))
  },
  'ipinfo-express, originatingIPSelector': () => ipinfo('originatingIPSelector'),
  'ipinfo-express': () => ipinfo('defaultIPSelector'),
  // `npm install --no-save @ipregistry/express` where the registry has it.
  '@ipregistry/express': async () => {
    const { createIpExtractor } = await import('@ipregistry/express')
    return await express(expressByAddress(createIpExtractor('express')), PROXY)
  },
  // Without an address its own key generator throws, and Fastify answers 500.
  "@fastify/rate-limit, trustProxy: '127.0.0.1'": () => fastifyRateLimit({}),
  '@fastify/rate-limit, keyGenerator: request => request.ip':
    () => fastifyRateLimit({ keyGenerator: request => request.ip }),
  "express-rate-limit, 'trust proxy': '127.0.0.1'": async () => {
    const { rateLimit } = await import('express-rate-limit')
    const store = {
      localKeys: true,
      increment: async key => ({ totalHits: isDenied(key) ? 1000 : 1, resetTime: new Date(Date.now() + 60_000) }),
      decrement: async () => {},
      resetKey: async () => {}
    }
    const limit = rateLimit({ limit: 100, store, validate: false })
    return await express([limit, expressByAddress(req => req.ip)], PROXY)
  }
}

/** Connects from the visitor's address, sends one request on each connection, and resets all of them `stayMs` later. */
async function leave (port, count, stayMs) {
  const sockets = await Promise.all(Array.from({ length: count }, async () => {
    const socket = connect({ port, host: PROXY, localAddress: DIRECT }).on('error', () => {})
    await once(socket, 'connect')
    return socket
  }))
  for (const socket of sockets) socket.write('POST / HTTP/1.1\r\nHost: app.example\r\nContent-Length: 0\r\n\r\n')
  if (stayMs > 0) await delay(stayMs)
  for (const socket of sockets) socket.resetAndDestroy()
}

/** One request, and whom the handler ran for, or the status. */
async function send (port, localAddress, lines) {
  handled = []
  const socket = connect({ port, host: PROXY, localAddress }).setEncoding('latin1')
  const head = ['POST / HTTP/1.1', 'Host: app.example', 'Connection: close', 'Content-Length: 0']
  socket.write([...head, ...lines, '', ''].join('\r\n'))
  let answer = ''
  for await (const chunk of socket) answer += chunk
  return handled.length > 0 ? `ran as ${shown(handled[0])}` : `refused, ${answer.slice(9, 12)}`
}

async function settled () {
  for (let before = -1; before !== handled.length; await delay(300)) before = handled.length
}

const file = fileURLToPath(import.meta.url)
const junk = Array.from({ length: 1100 }, (_, i) => `j${i}: 1`)

async function attack (start, count) {
  let server
  try {
    server = await start()
  } catch (error) {
    if (error.code !== 'ERR_MODULE_NOT_FOUND') throw error
    return { 'a visitor who stays': 'not installed' }
  }
  const { port } = server.address()
  const row = {
    'a visitor who stays': await send(port, DIRECT, []),
    'through the proxy': await send(port, PROXY, [`X-Forwarded-For: ${BEHIND}`])
  }
  const ran = () => [`${handled.length} of ${count}`, ...new Set(handled.map(shown))].join(' as ')
  handled = []
  // This process stands still until all are gone.
  execFileSync(process.execPath, [file, '--leave', String(port), String(count), '0'])
  await settled()
  row['reset before'] = ran()
  handled = []
  aheadMs = 1500
  await promisify(execFile)(process.execPath, [file, '--leave', String(port), String(count), '300'])
  await delay(aheadMs)
  await settled()
  aheadMs = 0
  row['reset while'] = ran()
  row['1,100 lines remove'] = await send(port, PROXY, [...junk, `X-Forwarded-For: ${BEHIND}`])
  row['1,100 lines forge'] = await send(port, PROXY, [`X-Forwarded-For: ${FORGED}`, ...junk, `X-Forwarded-For: ${BEHIND}`])
  server.closeAllConnections()
  server.close()
  return row
}

if (process.argv[2] === '--leave') {
  await leave(...process.argv.slice(3).map(Number))
} else {
  const count = Number(process.argv[2] ?? 200)
  const rows = {}
  for (const [name, start] of Object.entries(libraries)) rows[name] = await attack(start, count)
  console.table(rows)
  process.exit() // engines and limiters keep timers
}
