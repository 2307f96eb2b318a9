import type { ClientIpExplanation } from '../../../types/contract.ts'
import { isObject } from '../../verdict/index.ts'
import { within } from '../../util/index.ts'
import { type Finding, messageOf, reporter } from './finding.ts'

const report = reporter('proxies')

/** For documentation (RFC 5737): nobody has it, so that it can only come from the forged header. */
export const FORGED = '198.51.100.66'
const MAX_BYTES = 262_144
const routeFix = 'add a route for this check alone, behind a login, and give --header for it: ' +
  'app.get(\'/debug/address\', async request => app.ipRisk.explain(request))'

/** What a visitor may write, one at a time: any of these may be what a proxy or an option believes. */
const forgeries: readonly (readonly [name: string, value: string])[] = [
  ['X-Forwarded-For', FORGED],
  ['X-Forwarded-For', `${FORGED}, ${FORGED}, ${FORGED}, ${FORGED}`],
  ['X-Forwarded-For', `${FORGED}, 127.0.0.1`],
  ['X-Forwarded-For', `${FORGED}, 10.0.0.1`],
  ['Forwarded', `for=${FORGED}`],
  ['X-Real-IP', FORGED],
  ['CF-Connecting-IP', FORGED],
  ['True-Client-IP', FORGED],
  ['X-Client-IP', FORGED]
]

interface ProxyOptions {
  readonly url: string
  /** Of every request, such as a cookie of the operator. */
  readonly headers: readonly (readonly [string, string])[]
  /** For each request. */
  readonly stepMs: number
}

/** Sends requests through the real chain, and says which address would be judged and whether a header is believed. */
export async function checkProxies ({ url, headers, stepMs }: ProxyOptions): Promise<Finding[]> {
  const ask = (more: readonly (readonly [string, string])[]): Promise<ClientIpExplanation | Finding> => (
    explained(url, [...headers, ...more], stepMs))
  const plain = await ask([])
  if ('level' in plain) return [plain]
  const findings = plainFindings(plain)
  if (isInside(plain)) return findings // one of the proxies is believed, and should be
  const believed = new Set<string>()
  for (const forgery of forgeries) {
    const found = await ask([forgery])
    if ('level' in found) return [...findings, found]
    if (found.result.ip === FORGED) believed.add(forgery[0])
  }
  if (believed.size === 0) return [...findings, report('ok', 'no forged header is believed')]
  return [...findings, report('error', `a forged ${[...believed].join(', ')} is believed: every visitor can choose ` +
    'the address that is judged', fixOfForgery(plain))]
}

/** Every hop is a proxy by name: `hops` that counts more than there are is another matter. */
function isInside ({ result: { infrastructure, reason } }: ClientIpExplanation): boolean {
  return infrastructure && reason !== 'too_few_hops'
}

function plainFindings (explanation: ClientIpExplanation): Finding[] {
  const { result, chain } = explanation
  const { ip, source, hops, reason, scope, ignored } = result
  const found = `${ip ?? 'no address'}, by ${source}, after ${hops} verified ${hops === 1 ? 'hop' : 'hops'}`
  const peer = chain[0]?.address ?? 'the proxy'
  if (ip === null) {
    return [report('error', 'no address would be judged', 'see chain[].why in the answer of the route')]
  }
  if (reason === 'too_few_hops') {
    return [report('error', 'fewer proxies were passed than clientIp.hops counts', 'count again, or better name the ' +
      `proxies: clientIp: { trusted: ["${peer}"] }`)]
  }
  if (isInside(explanation)) {
    return [report('warning', 'every hop is named as a proxy, the one that this request came from included ' +
      `(${found}): ` +
      'what a visitor would meet is not known', 'run doctor from outside; if visitors come from there, too, name ' +
      'fewer addresses in clientIp.trusted')]
  }
  const unread = chain.length > 1 || ignored.length > 0
  if (unread && hops === 0 && source === 'remote_address') {
    return [report('error', `the proxy ${peer} would be judged instead of the visitor: its header is not read`,
      `name it: clientIp: { trusted: ["${peer}"] }, or its range`)]
  }
  const isLocal = scope !== 'public' && scope !== null
  return [report('ok', `${found} would be judged${isLocal ? ` (${scope}: you came from inside)` : ''}`)]
}

function fixOfForgery ({ chain }: ClientIpExplanation): string {
  const peer = chain[0]?.address ?? 'your proxy'
  return `trust the exact addresses of your proxies (clientIp.trusted: ["${peer}"]), and neither more hops than ` +
    'there are nor a header that a proxy passes on; let the first proxy set or append the header'
}

async function explained (
  url: string, headers: readonly (readonly [string, string])[], stepMs: number
): Promise<ClientIpExplanation | Finding> {
  const signal = AbortSignal.timeout(stepMs)
  try {
    const sent = headers.map(([name, value]): [string, string] => [name, value])
    const response = await within(stepMs, fetch(url, { headers: sent, redirect: 'manual', signal }))
    const text = await within(stepMs, textOf(response))
    if (response.status !== 200) {
      return report('error', `the route answers with status ${response.status}`, response.status === 401 ||
        response.status === 403
        ? 'give what it needs with --header "name: value"'
        : routeFix)
    }
    const value = parsed(text)
    return isExplanation(value) ? value : report('error', 'the route answers with something else', routeFix)
  } catch (error) {
    const { cause } = error as { readonly cause?: unknown }
    return report('error', `the route cannot be reached: ${messageOf(cause ?? error)}`, 'check --url, and that the ' +
      'application runs behind its proxies')
  }
}

async function textOf (response: Response): Promise<string> {
  let [text, bytes] = ['', 0]
  const decoder = new TextDecoder()
  for await (const chunk of response.body ?? []) {
    bytes += (chunk as Uint8Array).length
    if (bytes > MAX_BYTES) throw new Error(`the answer is longer than ${MAX_BYTES} bytes`)
    text += decoder.decode(chunk as Uint8Array, { stream: true })
  }
  return text
}

function parsed (text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function isExplanation (value: unknown): value is ClientIpExplanation {
  if (!isObject(value) || !Array.isArray(value['chain']) || !isObject(value['result'])) return false
  const { ip, hops, ignored } = value['result']
  return (ip === null || typeof ip === 'string') && typeof hops === 'number' && Array.isArray(ignored) &&
    (value['chain'] as unknown[]).every(isObject)
}
