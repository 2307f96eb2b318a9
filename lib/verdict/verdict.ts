import type {
  CacheState, DecidedBy, KnownAnswer, ProviderAnswer, UnknownAnswer, UnknownReason, VerdictName
} from '../../types/contract.ts'

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

/** An answer with its origin: what the layers of a lookup hand to each other. Frozen, and shared between requests. */
export interface LookupResult {
  readonly answer: ProviderAnswer
  /** Who answered; `none` where nobody was asked. */
  readonly provider: string
  /** Milliseconds since 1970. */
  readonly checkedAtMs: number
  readonly cache: CacheState
  /** With the reason `listed`: the list that decides. */
  readonly listedBy?: DecidedBy
}

/**
 * A settled verdict is as old as the unsettled one whose place it takes, but for this: enough to be told from it (memory rounds down to
 * hundredths of a second), and so little that its age says that it is settled.
 */
export const SETTLED_LATER_MS = 20

export interface KnownResult extends LookupResult { readonly answer: KnownAnswer }

export function isKnown (verdict: LookupResult): verdict is KnownResult {
  return verdict.answer.verdict !== 'unknown'
}

/** Marks an answer that comes from a pause that the provider ordered (Retry-After), not from the provider itself. */
export const heldCause = 'held'

const reasons = new Map<UnknownReason, UnknownAnswer>()

/** A verdict that nobody was asked for. */
export function notLookedUpResult (reason: UnknownReason, nowMs: number, provider = 'none'): LookupResult {
  let answer = reasons.get(reason)
  if (answer === undefined) reasons.set(reason, answer = Object.freeze(unknownAnswer(reason)))
  return { answer, provider, checkedAtMs: nowMs, cache: 'none' }
}

/** The verdict on an address that a list decides about. */
export function listedResult (listedBy: DecidedBy, nowMs: number): LookupResult {
  return { ...notLookedUpResult('listed', nowMs), listedBy }
}

/** Who gave the answer: the member that it names, else the provider that was asked. */
export function answeredBy (answer: ProviderAnswer, providerName: string): string {
  return (answer.verdict !== 'unknown' && answer.provider) || providerName
}

export function withCacheState (verdict: LookupResult, cache: CacheState): LookupResult {
  return verdict.cache === cache ? verdict : Object.freeze({ ...verdict, cache })
}
