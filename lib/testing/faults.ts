import type { ServerResponse } from 'node:http'

/** What goes wrong below the protocol: `hang` never answers, `drip` sends a byte now and then, `cut` and `reset` close the connection. */
export type HttpFault =
  | 'hang' | 'drip' | 'cut' | 'reset' | 'huge' | 'redirect' | 'html' | 'empty' | 'not_http'
  | { readonly status: number, readonly headers?: Readonly<Record<string, string>>, readonly body?: string }
/** What goes wrong in a body: numbers that are none, numbers as strings, another address, a key twice, `__proto__`, no object at all. */
export type BodyFault = 'nan' | 'string_numbers' | 'wrong_address' | 'duplicate_keys' | 'proto' | 'not_object'
export type Fault = HttpFault | BodyFault

const bodyFaults: readonly unknown[] = ['nan', 'string_numbers', 'wrong_address', 'duplicate_keys', 'proto', 'not_object'] satisfies BodyFault[]

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
      // Whole and right, were it not for its size.
      response.end(text.startsWith('{') ? `{"padding":"${'x'.repeat(4_000_000)}",${text.slice(1)}` : text + ' '.repeat(4_000_000))
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

/** The protocol's own reply, made wrong. */
export function garble (fault: BodyFault, text: string, asked: readonly string[]): string {
  const isObject = text.startsWith('{')
  switch (fault) {
    case 'nan': return isObject ? text.replace(/"(score|result|risk)":"?-?[\d.e-]+"?/g, '"$1":NaN') : 'NaN'
    case 'string_numbers': return isObject ? JSON.stringify(JSON.parse(text), (_, value) => typeof value === 'number' ? String(value) : value) : text
    case 'wrong_address': return asked.reduce((text, ip) => text.replaceAll(`"${ip}"`, '"198.51.100.254"'), text)
    // The last of equal keys counts in JSON.parse, so the right answer stands.
    case 'duplicate_keys': return text.replace('{', '{"verdict":"vpn_detected","score":1,"is_vpn":true,"result":"1",')
    case 'proto': return text.replaceAll('{', '{"__proto__":{"verdict":"vpn_detected","polluted":true},"constructor":{"prototype":{"polluted":true}},')
    case 'not_object': return '42'
  }
}
