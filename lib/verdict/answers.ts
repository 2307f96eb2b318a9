import type { KnownAnswer, UnknownAnswer, UnknownReason, VerdictName } from '../../types/contract.ts'

/** An answer with every field, of those that are given: no score, no confidence, no signals; a VPN from `vpn_likely` up. */
export function knownAnswer (verdict: VerdictName, fields: Partial<Omit<KnownAnswer, 'verdict'>> = {}): KnownAnswer {
  return {
    verdict,
    score: null,
    isVpn: isVpnVerdict(verdict),
    confidence: null,
    signals: [],
    info: {},
    categories: [],
    ...fields
  }
}

/** Whether the verdict calls an address a VPN, where nothing says it in so many words. */
export function isVpnVerdict (verdict: VerdictName): boolean {
  return verdict === 'vpn_likely' || verdict === 'vpn_detected'
}

export function unknownAnswer (reason: UnknownReason, cause?: string): UnknownAnswer {
  return cause === undefined ? { verdict: 'unknown', reason } : { verdict: 'unknown', reason, cause }
}
