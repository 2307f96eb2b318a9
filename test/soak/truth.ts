import type { VerdictName } from '../../types/contract.ts'
import { fakeScores } from '../../lib/testing/fake-iplogs.ts'

/** What is true of an address, so that every process of the soak can tell a false verdict from a right one. */
export function truthOf (ip: string): VerdictName {
  let hash = 2_166_136_261 // FNV-1a
  for (let i = 0; i < ip.length; i++) hash = Math.imul(hash ^ ip.charCodeAt(i), 16_777_619)
  const part = (hash >>> 8) % 10
  return part === 0 ? 'vpn_detected' : part === 1 ? 'vpn_likely' : part === 2 ? 'suspicious' : 'clean'
}

/** The true reply in the shape of IPLogs' `/v1/check`. */
export function trueReply (ip: string): Record<string, unknown> {
  const verdict = truthOf(ip)
  return {
    verdict,
    score: fakeScores[verdict],
    is_vpn: verdict === 'vpn_likely' || verdict === 'vpn_detected',
    confidence: 0.9,
    signals: [{ type: 'known_vpn_exact', weight: 0.9, matched: verdict === 'vpn_detected', detail: '' }],
    ip_info: { ip, asn: 'AS64496', org: `of ${ip}`, isp: 'Example', country: 'Exampleland', country_code: 'EX', type: 'isp' },
    request_id: ip
  }
}
