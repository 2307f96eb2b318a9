import type { VerdictName } from '../../types/contract.ts'
import { canonicalAddress } from '../ip/index.ts'
import { isObject } from '../verdict/index.ts'
import { type FakeReply, type FakeServer, fakeServer } from './fake-server.ts'

/** What the fake says of an address: a verdict, or fields of the body laid over that of `clean`. */
export type FakeIplogsAnswer = VerdictName | Readonly<Record<string, unknown>>

/** One inside the published band of each verdict. */
export const fakeScores: Readonly<Record<VerdictName, number>> = {
  clean: 0.05, suspicious: 0.4, vpn_likely: 0.6, vpn_detected: 0.95
}

/**
 * IPLogs on the loopback: `/v1/check`, `/v1/bulk-check` and `/v1/health`. Addresses that are not named are `clean`.
 */
export async function fakeIplogs (answers: Readonly<Record<string, FakeIplogsAnswer>> = {}): Promise<FakeServer> {
  const byIp = new Map(Object.entries(answers))
  let requests = 0

  function check (ip: string): Record<string, unknown> {
    const answer = byIp.get(ip) ?? 'clean'
    const verdict = typeof answer === 'string' ? answer : 'clean'
    const isVpn = verdict === 'vpn_likely' || verdict === 'vpn_detected'
    return {
      verdict,
      score: fakeScores[verdict],
      is_vpn: isVpn,
      confidence: 0.9,
      signals: [
        { type: 'known_vpn_exact', weight: 0.9, matched: isVpn, detail: isVpn ? 'on a list of VPN exits' : '' },
        { type: 'tor_exit', weight: 0.9, matched: false, detail: '' }
      ],
      ip_info: {
        ip,
        asn: 'AS64496',
        org: 'Example',
        isp: 'Example',
        country: 'Exampleland',
        country_code: 'EX',
        type: isVpn ? 'datacenter' : 'isp',
        is_vpn: isVpn,
        is_proxy: false
      },
      request_id: `req-${++requests}`,
      ...typeof answer === 'object' && answer
    }
  }

  return await fakeServer(({ method, url, body }): FakeReply => {
    const json: unknown = method === 'POST' ? tryParse(body) : undefined
    if (method === 'GET' && url.pathname === '/v1/health') return { text: '{"status":"ok"}', asked: [] }
    if (method === 'POST' && url.pathname === '/v1/check' && isObject(json)) {
      // As the real one does: without an address it scores the caller.
      const ip = json['ip'] === undefined ? '127.0.0.1' : json['ip']
      if (typeof ip !== 'string' || canonicalAddress(ip) === null) {
        return { status: 400, text: '{"error":"invalid ip"}', asked: [] }
      }
      return { text: JSON.stringify(check(ip)), asked: [ip] }
    }
    if (method === 'POST' && url.pathname === '/v1/bulk-check' && isObject(json) && Array.isArray(json['ips'])) {
      const ips = json['ips'] as string[]
      if (ips.length > 100) return { status: 400, text: '{"error":"at most 100 addresses"}', asked: [] }
      return { text: JSON.stringify({ results: ips.map(compact) }), asked: ips }
    }
    return { status: 404, text: '{"error":"not found"}', asked: [] }
  })

  function compact (ip: string): Record<string, unknown> {
    const { verdict, score } = check(ip)
    const provider = verdict === 'vpn_detected' ? 'Example VPN' : null
    return { ip, verdict, score, country: 'EX', asn: 'AS64496', provider }
  }
}

function tryParse (text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
