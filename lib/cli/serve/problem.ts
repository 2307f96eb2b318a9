export type ProblemCode =
  | 'malformed_request' | 'invalid_json' | 'invalid_ip' | 'invalid_ips' | 'invalid_action' | 'unauthorized'
  | 'not_found' | 'method_not_allowed' | 'request_timeout' | 'body_too_large' | 'unsupported_media_type'
  | 'wrong_host' | 'no_verdict' | 'rate_limited' | 'headers_too_large' | 'internal_error' | 'lookup_failed'
  | 'stopping'

/** Every error that a client can get. */
export const problems: Readonly<Record<ProblemCode, readonly [status: number, message: string]>> = {
  malformed_request: [400, 'this is not a valid HTTP/1.1 request'],
  invalid_json: [400, 'the body must be one JSON object in UTF-8'],
  invalid_ip: [400, '"ip" must be one IPv4 or IPv6 address as text; the address of the caller is never judged'],
  invalid_ips: [400, '"ips" must be an array of 1 to 100 texts of at most 100 characters'],
  invalid_action: [400, '"action" must be a text of 1 to 64 characters, and "write" true or false'],
  unauthorized: [401, 'send the token of --token-file: "Authorization: Bearer <token>"'],
  not_found: [404, 'there is no such path: see /openapi.json'],
  method_not_allowed: [405, 'this path takes another method: see the Allow header'],
  request_timeout: [408, 'the request did not arrive in time'],
  body_too_large: [413, 'the body is larger than 65536 bytes'],
  unsupported_media_type: [415, 'send "Content-Type: application/json"'],
  wrong_host: [421, 'without a token, the Host header must be an IP address, localhost, or the value of --host'],
  no_verdict: [422, 'nothing is known of this address; "reason" says why'],
  rate_limited: [429, 'too many addresses in a minute: see the Retry-After header'],
  headers_too_large: [431, 'the headers are larger than 8192 bytes'],
  internal_error: [500, 'the request could not be answered; the log of the service says more'],
  lookup_failed: [503, 'the lookup failed; "reason" says why. Go on as without a verdict'],
  stopping: [503, 'the service is stopping']
}

/** An error reply. It holds nothing that the client sent, and no secret. */
export class Problem extends Error {
  readonly code: ProblemCode
  readonly headers: Readonly<Record<string, string>>

  constructor (code: ProblemCode, headers: Readonly<Record<string, string>> = {}) {
    super(problems[code][1])
    this.code = code
    this.headers = headers
  }
}

interface ProblemBody { readonly error: string, readonly code: ProblemCode }

export function problemBody (code: ProblemCode): ProblemBody {
  return { error: problems[code][1], code }
}
