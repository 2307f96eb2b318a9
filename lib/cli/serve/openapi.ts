import { decisions } from '../../policy/index.ts'
import { version } from '../../util/index.ts'
import { allVerdicts, categoryNames, verdictNames } from '../../verdict/index.ts'
import { type ProblemCode, problems } from './problem.ts'
import { BULK_MAX } from './verdicts.ts'

type Schema = Readonly<Record<string, unknown>>

const object = (properties: Schema, required = Object.keys(properties)): Schema => (
  { type: 'object', properties, required }
)
const array = (items: Schema, more: Schema = {}): Schema => ({ type: 'array', items, ...more })
const ref = (name: string): Schema => ({ $ref: `#/components/schemas/${name}` })
const text: Schema = { type: 'string' }
const textOrNull: Schema = { type: ['string', 'null'] }
const fraction: Schema = { type: ['number', 'null'], minimum: 0, maximum: 1 }
const flag: Schema = { type: 'boolean' }

const wanted: Schema = {
  action: {
    type: ['string', 'null'],
    minLength: 1,
    maxLength: 64,
    description: 'What the visitor does, such as "signup". With it, or with "write", the reply has "decision".'
  },
  write: { type: 'boolean', description: 'Whether that is a write. Default true.' }
}

const decision: Schema = {
  decision: ref('Decision'),
  decided_by: ref('DecidedBy'),
  rule: { type: 'string', description: 'The name of the rule that decided.' }
}

const schemas: Schema = {
  CheckRequest: {
    ...object({ ip: { type: 'string', maxLength: 100 }, ...wanted }, ['ip']),
    description: 'Further members of IPLogs, such as "user_agent", are accepted and not used.'
  },
  BulkRequest: object({
    ips: array({ type: 'string', maxLength: 100 }, { minItems: 1, maxItems: BULK_MAX }),
    ...wanted
  }, ['ips']),
  Decision: { enum: decisions },
  DecidedBy: { type: 'string', description: 'What decided: "policy", "rule" or a list.' },
  Reason: { type: 'string', description: 'Why nothing is known. The runbook has an entry for each.' },
  Signal: object({ type: text, weight: { type: 'number' }, matched: flag, detail: text }),
  Info: object({
    ip: text,
    asn: textOrNull,
    org: textOrNull,
    isp: text,
    country: textOrNull,
    country_code: textOrNull,
    city: text,
    lat: { type: 'number' },
    lon: { type: 'number' },
    type: text,
    is_vpn: flag,
    is_proxy: flag,
    vpn_provider: textOrNull,
    vpn_provider_sources: array(text)
  }, ['ip', 'asn', 'org', 'country', 'country_code', 'is_vpn', 'vpn_provider']),
  Check: object({
    verdict: { enum: allVerdicts },
    score: fraction,
    is_vpn: flag,
    confidence: fraction,
    signals: array(ref('Signal')),
    ip_info: ref('Info'),
    request_id: text,
    categories: array({ enum: categoryNames }),
    reason: ref('Reason'),
    provider: { type: 'string', description: 'Who answered; "none" where nobody was asked.' },
    cached: flag,
    cache: { enum: ['memory', 'redis', 'miss', 'stale', 'subnet', 'none'] },
    age_seconds: { type: 'number', minimum: 0 },
    ...decision
  }, ['verdict', 'score', 'is_vpn', 'confidence', 'signals', 'ip_info', 'request_id', 'categories', 'provider',
    'cached', 'cache', 'age_seconds']),
  Row: object({
    ip: text,
    verdict: { enum: verdictNames },
    score: fraction,
    country: textOrNull,
    asn: textOrNull,
    provider: { ...textOrNull, description: 'The provider of the VPN.' },
    is_vpn: flag,
    categories: array({ enum: categoryNames }),
    answered_by: text,
    cached: flag,
    ...decision
  }, ['ip', 'verdict', 'score', 'country', 'asn', 'provider', 'is_vpn', 'categories', 'answered_by', 'cached']),
  UnknownRow: object({ ip: text, reason: ref('Reason'), ...decision }, ['ip', 'reason']),
  Bulk: object({ results: array(ref('Row')), unknown: array(ref('UnknownRow')) }),
  Health: object({
    status: { enum: ['ok', 'degraded'] },
    reasons: array(object({ code: text, provider: text, message: text }, ['code', 'message']))
  }, ['status']),
  Problem: object({ error: text, code: { enum: Object.keys(problems) } }),
  /** A check without a verdict is an error that says all the same what is known. */
  Unknown: { allOf: [ref('Problem'), ref('Check')] }
}

const anyRequest: readonly ProblemCode[] = [
  'malformed_request', 'request_timeout', 'wrong_host', 'rate_limited', 'headers_too_large', 'internal_error',
  'stopping'
]
const withToken: readonly ProblemCode[] = [...anyRequest, 'unauthorized']
const withBody: readonly ProblemCode[] = [...withToken, 'invalid_json', 'body_too_large', 'unsupported_media_type']

const json = (schema: Schema): Schema => ({ 'application/json': { schema } })
const ok = (description: string, content: Schema): Schema => ({ 200: { description, content } })

/** Problems of one status share a description, as OpenAPI has one for each status. */
function failures (codes: readonly ProblemCode[], others: Partial<Record<ProblemCode, Schema>> = {}): Schema {
  const all = [...codes, ...Object.keys(others) as ProblemCode[]]
  const statuses = [...new Set(all.map(code => problems[code][0]))]
  return Object.fromEntries(statuses.map(status => {
    const codes = all.filter(code => problems[code][0] === status)
    const schemas = [...new Set(codes.map(code => others[code] ?? ref('Problem')))]
    return [status, {
      description: codes.map(code => `${code}: ${problems[code][1]}`).join('. '),
      content: json(schemas.length === 1 ? schemas[0]! : { anyOf: schemas })
    }]
  }))
}

/** The service as an OpenAPI 3.1 document, made of the tables that the service itself works by. */
export function openapi (): Schema {
  const body = (schema: string): Schema => ({ required: true, content: json(ref(schema)) })
  return {
    openapi: '3.1.0',
    info: {
      title: 'ip-risk serve',
      version,
      license: { name: 'MIT', identifier: 'MIT' },
      description: 'VPN, proxy and Tor verdicts on addresses, in the shape of IPLogs.'
    },
    security: [{ token: [] }],
    paths: {
      '/v1/check': {
        post: {
          operationId: 'check',
          summary: 'The verdict on one address',
          requestBody: body('CheckRequest'),
          responses: {
            ...ok('A verdict, or with "action" or "write" also "unknown"', json(ref('Check'))),
            ...failures([...withBody, 'invalid_ip', 'invalid_action'],
              { no_verdict: ref('Unknown'), lookup_failed: ref('Unknown') })
          }
        }
      },
      '/v1/bulk-check': {
        post: {
          operationId: 'bulkCheck',
          summary: `Verdicts on at most ${BULK_MAX} addresses`,
          requestBody: body('BulkRequest'),
          responses: {
            ...ok('Rows with a verdict, and those without one', json(ref('Bulk'))),
            ...failures([...withBody, 'invalid_ips', 'invalid_action'])
          }
        }
      },
      '/v1/health': {
        get: {
          operationId: 'health',
          summary: 'Whether everything works; with the token also what does not',
          security: [{}, { token: [] }],
          responses: { ...ok('The service answers', json(ref('Health'))), ...failures(anyRequest) }
        }
      },
      '/metrics': {
        get: {
          operationId: 'metrics',
          summary: 'Counters in the text format of Prometheus',
          responses: { ...ok('Every metric', { 'text/plain': { schema: text } }), ...failures(withToken) }
        }
      },
      '/openapi.json': {
        get: {
          operationId: 'openapi',
          summary: 'This document',
          security: [{}],
          responses: { ...ok('OpenAPI 3.1', json({ type: 'object' })), ...failures(anyRequest) }
        }
      }
    },
    components: {
      schemas,
      securitySchemes: { token: { type: 'http', scheme: 'bearer' } }
    }
  }
}
