import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

/**
 * A fault below the protocol: `hang` never answers, `drip` sends a byte now and then, `cut` and `reset` close the
 * connection.
 */
export type HttpFault =
  | 'hang' | 'drip' | 'cut' | 'reset' | 'huge' | 'redirect' | 'html' | 'empty' | 'not_http'
  | {
    /** HTTP status of the reply. */
    readonly status: number
    /** Header names and values, beside `content-type: text/plain`. Default none. */
    readonly headers?: Readonly<Record<string, string>>
    /** Text of the reply. Default empty. */
    readonly body?: string
  }
/**
 * A fault in a body: NaN for a number, numbers as strings, another address, a key twice, `__proto__`, no object at
 * all.
 */
export type BodyFault = 'nan' | 'string_numbers' | 'wrong_address' | 'duplicate_keys' | 'proto' | 'not_object'
/** Anything that a fake can do wrong: below the protocol, or in a body. */
export type Fault = HttpFault | BodyFault

const bodyFaults: readonly unknown[] = [
  'nan', 'string_numbers', 'wrong_address', 'duplicate_keys', 'proto', 'not_object'
] satisfies BodyFault[]

export function isHttpFault (fault: Fault): fault is HttpFault {
  return !bodyFaults.includes(fault)
}

const html = '<!doctype html><title>Just a moment...</title>'

export function misbehave (fault: HttpFault, text: string, response: ServerResponse): void {
  if (typeof fault === 'object') {
    response.writeHead(fault.status, { 'content-type': 'text/plain', ...fault.headers }).end(fault.body ?? '')
    return
  }
  switch (fault) {
    case 'hang': return
    case 'drip': return drip(text, response)
    case 'cut':
      response.writeHead(200, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) })
      response.write(text.slice(0, text.length / 2), () => response.destroy())
      return
    case 'reset':
      response.destroy()
      return
    case 'huge':
      // Correct but for its size.
      response.end(text.startsWith('{')
        ? `{"padding":"${'x'.repeat(1_500_000)}",${text.slice(1)}`
        : text + ' '.repeat(1_500_000))
      return
    case 'redirect':
      response.writeHead(302, { location: '/elsewhere' }).end(text)
      return
    case 'html':
      response.writeHead(200, { 'content-type': 'text/html' }).end(html)
      return
    case 'empty':
      response.writeHead(200).end()
      return
    case 'not_http':
      response.socket?.end('SSH-2.0-OpenSSH_9.9\r\n')
  }
}

function drip (text: string, response: ServerResponse): void {
  let at = 0
  response.writeHead(200, { 'content-type': 'application/json' })
  // White space after the last byte keeps the body valid JSON that never ends.
  const timer = setInterval(() => response.write(text[at++] ?? ' '), 20)
  response.on('close', () => clearInterval(timer))
}

const numbers = /"(score|result|risk|fraud_score|abuseConfidenceScore)":"?-?[\d.e-]+"?/g
const quoted = (_name: string, value: unknown): unknown => typeof value === 'number' ? String(value) : value
const polluting = '"__proto__":{"verdict":"vpn_detected","polluted":true},"constructor":{"prototype":{"polluted":true}}'

/** The protocol's own reply, with a fault in it. */
export function garble (fault: BodyFault, text: string, asked: readonly string[]): string {
  const isObject = text.startsWith('{')
  switch (fault) {
    case 'nan': return isObject ? text.replace(numbers, '"$1":NaN') : 'NaN'
    case 'string_numbers': return isObject ? JSON.stringify(JSON.parse(text), quoted) : text
    case 'wrong_address': return asked.reduce((text, ip) => text.replaceAll(`"${ip}"`, '"198.51.100.254"'), text)
    // The last of equal keys counts in JSON.parse, so the answer stays right.
    case 'duplicate_keys': return text.replace('{', '{"verdict":"vpn_detected","score":1,"is_vpn":true,"result":"1",')
    case 'proto': return text.replaceAll('{', `{${polluting},`).replaceAll(',}', '}')
    case 'not_object': return '42'
  }
}

/** A fake service. */
export interface FakeServer {
  /** `http://127.0.0.1:<port>`: the provider's `baseUrl`. */
  readonly url: string
  /** Calls received, those with a fault included. */
  readonly calls: number
  /** Every address that was looked up, in order. */
  readonly asked: readonly string[]
  /** When the calls were received, in milliseconds of `Date.now()`. */
  readonly callTimes: readonly number[]
  /** Answers with a fault from now on, or for the next `times` calls. */
  fault (fault: Fault, times?: number): void
  /** Ends all faults. */
  heal (): void
  /** Delays each answer from now on, in milliseconds. */
  delay (ms: number): void
  /** Closes its connections and stops. */
  close (): Promise<void>
}

/** The reply of a fake to one call, apart from faults. */
export interface FakeReply {
  readonly status?: number | undefined
  readonly headers?: Readonly<Record<string, string>> | undefined
  readonly text: string
  /** The addresses that the call asks about. */
  readonly asked: readonly string[]
}
export interface FakeCall {
  readonly method: string
  readonly url: URL
  readonly headers: IncomingMessage['headers']
  readonly body: string
}

/** A server on a free port of the loopback that answers by `respond`, with faults on demand. */
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
