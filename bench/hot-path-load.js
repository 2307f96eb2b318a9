// Requests that are routed without a socket under them. They and their responses are Node's; each address is a new string, as the HTTP
// parser makes them.
import { IncomingMessage, ServerResponse } from 'node:http'
import { Socket } from 'node:net'
import { setImmediate as turn, setTimeout as wait } from 'node:timers/promises'
import Fastify from 'fastify'
import { checkHits, prepareVariant } from './hot-path-variants.js'

const REQUESTS = 20_000
const addresses = Array.from({ length: 200 }, (_, i) => Buffer.from(`203.0.113.${i}`))
let answered = 0

class Response extends ServerResponse {
  writeHead () { return this }
  end () {
    answered++
    return this
  }
}

/** A variant, warmed up. `run()` resolves to the CPU time of a request, in microseconds. */
export async function startVariant (name, against) {
  const app = Fastify()
  const { method, config, handler = (request, reply) => { reply.send('ok') } } = await prepareVariant(name, app, against)
  app.route({ method, url: '/', config, handler })
  await app.ready()
  const socket = Object.defineProperty(new Socket(), 'remoteAddress', { value: '127.0.0.1' })

  function request (i) {
    const message = new IncomingMessage(socket)
    message.method = method
    message.url = '/'
    message.httpVersion = '1.1'
    message.httpVersionMajor = 1
    message.httpVersionMinor = 1
    const address = addresses[i % addresses.length].latin1Slice()
    const lines = ['host', 'localhost', 'connection', 'keep-alive', 'x-forwarded-for', address]
    message._addHeaderLines(lines, lines.length) // as the parser does
    if (message.headers.host === undefined) throw new Error('no host') // as Node's server does before Fastify: this parses the headers
    app.routing(message, new Response(message))
  }

  /** In turns of the event loop as a busy server has them: what waits for a promise must not pile up. */
  async function load () {
    const before = process.cpuUsage()
    for (let i = 0; i < REQUESTS; i++) {
      request(i)
      if (i % 100 === 0) await turn()
    }
    const { user, system } = process.cpuUsage(before)
    return (user + system) / REQUESTS
  }

  for (let i = 0; i < 5; i++) {
    await load()
    await wait(20) // first lookups take their time
  }
  return {
    async run () {
      answered = 0
      const before = app.ipRisk?.stats().lookups
      const microseconds = await load()
      await turn()
      await turn()
      if (answered !== REQUESTS) throw new Error(`${name}: ${answered} answers to ${REQUESTS} requests`)
      checkHits(name, before, app.ipRisk?.stats().lookups, REQUESTS)
      return microseconds
    }
  }
}
