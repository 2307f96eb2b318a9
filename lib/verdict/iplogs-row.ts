import type { KnownAnswer } from '../../types/contract.ts'
import { isVpnVerdict } from './answers.ts'
import { verdictNames } from './iplogs-body.ts'
import { categoriesOf } from './iplogs-categories.ts'
import { readInfo } from './iplogs-info.ts'
import { type Json, readBoolean, readFraction, readOneOf, readText } from './read.ts'

/**
 * A compact row of `/v1/bulk-check`: ip, verdict, score, country, asn, provider. It says less than `/v1/check` does (so it is never
 * cached): no signals, no confidence; null when even the verdict is none, or an impossible score stands beside `clean`.
 */
export function parseIplogsRow (row: Json): KnownAnswer | null {
  const verdict = readOneOf(row['verdict'], verdictNames)
  const given = row['score'] ?? undefined
  const score = readFraction(given) ?? null
  if (verdict === undefined || (verdict === 'clean' && given !== undefined && score === null)) return null
  const isVpn = readBoolean(row['is_vpn']) ?? isVpnVerdict(verdict)
  const country = readText(row['country'])
  const info = {
    asn: row['asn'],
    [country !== undefined && /^[A-Z]{2}$/.test(country) ? 'country_code' : 'country']: country,
    // Of a clean address this may be its network's name: only a VPN has a VPN provider.
    ...isVpn && { vpn_provider: row['provider'] }
  }
  return { verdict, score, isVpn, confidence: null, signals: [], info: readInfo(info), categories: categoriesOf(isVpn, [], info) }
}
