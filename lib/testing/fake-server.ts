import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type BodyFault, garble, type HttpFault, type Fault, misbehave, isHttpFault } from './faults.ts'

export interface FakeServer {
  /** `http://127.0.0.1:<port>`: the provider's `baseUrl`. */
  readonly url: string
  /** Calls that came in, faulty ones too. */
  readonly calls: number
  /** Every address that was asked about, in order. */
  readonly asked: readonly string[]
  /** When the calls came in, in milliseconds of `Date.now()`. */
  readonly callTimes: readonly number[]
  /** Misbehaves from now on, or for the next `times` calls. */
  fault (fault: Fault, times?: number): void
  /** Behaves again. */
  heal (): void
  /** Answers later from now on. */
  delay (ms: number): void
  close (): Promise<void>
}

/** What a fake says to one call: its protocol, apart from faults. */
export interface FakeReply {
  readonly status?: number
  readonly headers?: Readonly<Record<string, string>>
  readonly text: string
  /** The addresses that were asked about. */
  readonly asked: readonly string[]
}
export interface FakeCall { readonly method: string, readonly url: URL, readonly headers: IncomingMessage['headers'], readonly body: string }

/** A server on a free port of the loopback that answers by `respond`, and misbehaves to order. */
export async function fakeServer (respond: (call: FakeCall) => FakeReply): Promise<FakeServer> {
  const asked: string[] = []
  const callTimes: number[] = []
  let delayMs = 0
  let faults: { fault: Fault, left: number } | null = null

  function nextFault (): Fault | null {
    if (faults === null) return null
    const { fault } = faults
    if (--faults.left === 0) faults = null
    return fault
  }

  async function answer (request: IncomingMessage, response: ServerResponse): Promise<void> {
    callTimes.push(Date.now())
    const fault = nextFault()
    let body = ''
    for await (const chunk of request) body += chunk
    const call = { method: request.method!, url: new URL(request.url!, 'http://fake'), headers: request.headers, body }
    const reply = respond(call)
    asked.push(...reply.asked)
    if (delayMs > 0) await new Promise(resolve => setTimeout(resolve, delayMs).unref())
    if (fault !== null && isHttpFault(fault)) return misbehave(fault satisfies HttpFault, reply.text, response)
    response.writeHead(reply.status ?? 200, { 'content-type': 'application/json', ...reply.headers })
    response.end(fault === null ? reply.text : garble(fault satisfies BodyFault, reply.text, reply.asked))
  }

  const server = createServer((request, response) => {
    // A client that hung up is what several faults are for.
    answer(request, response).catch(() => response.destroy())
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  server.unref()
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    get calls () { return callTimes.length },
    asked,
    callTimes,
    fault (fault, times = Infinity) { faults = { fault, left: times } },
    heal () { faults = null },
    delay (ms) { delayMs = ms },
    async close () {
      server.closeAllConnections()
      await new Promise(resolve => server.close(resolve))
    }
  }
}
