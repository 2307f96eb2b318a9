import { canonicalAddress } from '../ip/index.ts'
import { type FakeCall, type FakeReply, type FakeServer, fakeServer } from './fake-server.ts'

/** A documented refusal of proxycheck.io, by its `status` and `message`. */
export type ProxycheckRefusal = 'quota' | 'rate' | 'blocked' | 'disabled'
/**
 * Sections of the v3 body over those of an unremarkable address, or a refusal. `warning: true` sends the answer with
 * `status: 'warning'`.
 */
export type FakeProxycheckAnswer = ProxycheckRefusal | Readonly<Record<string, unknown>>
/** The options of `fakeProxycheck`. */
export interface FakeProxycheckOptions {
  /** The only key that is accepted. Default: every key, and none. */
  readonly key?: string | undefined
}

const refusals: Readonly<Record<ProxycheckRefusal, string>> = {
  quota: '1,000 Free queries exhausted. Please try the API again tomorrow or purchase a paid plan.',
  rate: 'You are sending more than 200 requests per second. Please slow down.',
  blocked: 'Your access to the API has been blocked due to using a proxy server to perform your query.',
  disabled: 'Your API Key has been disabled for a violation of our terms of service.'
}
const detections = {
  proxy: false,
  vpn: false,
  compromised: false,
  scraper: false,
  tor: false,
  hosting: false,
  anonymous: false,
  risk: 0,
  confidence: 100
}

/**
 * proxycheck.io v3 on the loopback: `GET /v3/{ip}` and `POST /v3/` with `ips=`. Addresses that are not named are
 * unremarkable.
 */
export async function fakeProxycheck (
  answers: Readonly<Record<string, FakeProxycheckAnswer>> = {}, { key }: FakeProxycheckOptions = {}
): Promise<FakeServer> {
  const byIp = new Map(Object.entries(answers))

  function sectionsOf (ip: string): Record<string, unknown> {
    const answer = byIp.get(ip)
    const { warning, detections: found, ...sections } = typeof answer === 'object' ? answer : {}
    return {
      network: { asn: 'AS64496', provider: 'Example', organisation: 'Example', type: 'Residential' },
      location: { country_name: 'Exampleland', country_code: 'EX', city_name: 'Town' },
      device_estimate: { address: 1, subnet: 3 },
      detections: { ...detections, ...found as object },
      operator: null,
      last_updated: '2026-11-25T10:00:00Z',
      ...sections
    }
  }

  return await fakeServer((call: FakeCall): FakeReply => {
    const { method, url, body } = call
    if (!url.pathname.startsWith('/v3/')) return { status: 404, text: 'not found', asked: [] }
    const ips = method === 'POST'
      ? (new URLSearchParams(body).get('ips') ?? '').split(',')
      : [decodeURIComponent(url.pathname.slice('/v3/'.length))]
    const given = url.searchParams.get('key')
    const denied = (message: string): FakeReply => ({ text: JSON.stringify({ status: 'denied', message }), asked: ips })
    if (key !== undefined && given !== key) return denied(refusals.disabled)
    if (ips.length > (given === null ? 100 : 1_000)) return denied('too many addresses')
    if (ips.some(ip => canonicalAddress(ip) === null)) {
      return { text: JSON.stringify({ status: 'error', message: 'No valid IP Addresses supplied.' }), asked: [] }
    }
    const refusal = ips.map(ip => byIp.get(ip)).find(answer => typeof answer === 'string')
    if (refusal !== undefined) return denied(refusals[refusal])
    const isWarning = ips.some(ip => (byIp.get(ip) as { warning?: unknown } | undefined)?.warning === true)
    const rows = Object.fromEntries(ips.map(ip => [ip, sectionsOf(ip)]))
    const message = 'You are within 10% of your daily limit.'
    const state = isWarning ? { status: 'warning', message } : { status: 'ok' }
    return { text: JSON.stringify({ ...state, ...rows, node: 'EX', query_time: 3 }), asked: ips }
  })
}
