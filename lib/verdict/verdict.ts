import type { CompositeProvider } from '../../types/contract.ts'
import type {
  CacheState, DecidedBy, KnownAnswer, Provider, ProviderAnswer, UnknownAnswer, UnknownReason, VerdictName
} from '../../types/contract.ts'

/**
 * An answer with every field. Defaults: no score, no confidence, no signals, no info, no categories; `isVpn` from
 * `vpn_likely` up.
 *
 * @example
 * knownAnswer('vpn_detected', { score: 0.97, categories: ['vpn'] })
 */
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

/** What `isVpn` is where nothing states it. */
export function isVpnVerdict (verdict: VerdictName): boolean {
  return verdict === 'vpn_likely' || verdict === 'vpn_detected'
}

export function unknownAnswer (reason: UnknownReason, cause?: string): UnknownAnswer {
  return cause === undefined ? { verdict: 'unknown', reason } : { verdict: 'unknown', reason, cause }
}

/** An answer with its origin: what the layers of a lookup hand to each other. Frozen, and shared between requests. */
export interface LookupResult {
  readonly answer: ProviderAnswer
  /** The provider that answered; `none` where no provider was called. */
  readonly provider: string
  /** Milliseconds since 1970. */
  readonly checkedAtMs: number
  readonly cache: CacheState
  /** With the reason `listed`: the list that decides. */
  readonly listedBy?: DecidedBy
}

/**
 * A settled verdict is as old as the unsettled one that it replaces, minus this: enough to tell them apart (memory
 * rounds down to hundredths of a second), and little enough that its age shows that it is settled.
 */
export const SETTLED_LATER_MS = 20

export interface KnownResult extends LookupResult { readonly answer: KnownAnswer }

export function isKnown (verdict: LookupResult): verdict is KnownResult {
  return verdict.answer.verdict !== 'unknown'
}

/** Marks an answer that comes from a pause that the provider ordered (Retry-After), not from the provider itself. */
export const heldCause = 'held'

const reasons = new Map<UnknownReason, UnknownAnswer>()

/** The result where no provider is called. */
export function notLookedUpResult (reason: UnknownReason, nowMs: number, provider = 'none'): LookupResult {
  let answer = reasons.get(reason)
  if (answer === undefined) reasons.set(reason, answer = Object.freeze(unknownAnswer(reason)))
  return { answer, provider, checkedAtMs: nowMs, cache: 'none' }
}

/** The result for an address on an `allow` or `deny` list. */
export function listedResult (listedBy: DecidedBy, nowMs: number): LookupResult {
  return { ...notLookedUpResult('listed', nowMs), listedBy }
}

/** The provider that gave the answer: the member that it names, else the provider that was called. */
export function answeredBy (answer: ProviderAnswer, providerName: string): string {
  return (answer.verdict !== 'unknown' && answer.provider) || providerName
}

/** Whether a provider is made of others. */
export function isComposite (provider: Provider): provider is CompositeProvider {
  return Array.isArray((provider as Partial<CompositeProvider>).members)
}

/** The members of a composite; of another provider, none. */
export function membersOf (provider: Provider): readonly Provider[] {
  return isComposite(provider) ? provider.members : []
}

/** The members whose answers are used. */
export function decidingMembersOf (provider: Provider): readonly Provider[] {
  const candidate = isComposite(provider) ? provider.candidate : undefined
  return membersOf(provider).filter(member => member !== candidate)
}

/**
 * Whether a result is good enough for a write, by all composites in a provider that have an opinion
 * (`isFinalForWrite`). undefined: every result is.
 */
export function finalForWrite (root: Provider): ((result: LookupResult) => boolean) | undefined {
  const deciding = compositesIn(root).filter(({ isFinalForWrite }) => isFinalForWrite !== undefined)
  if (deciding.length === 0) return undefined
  return ({ answer, provider }) => deciding.every(composite => composite.isFinalForWrite!(answer, provider))
}

function compositesIn (provider: Provider): CompositeProvider[] {
  return isComposite(provider) ? [provider, ...decidingMembersOf(provider).flatMap(compositesIn)] : []
}

/** Every name that an answer of the provider may carry. A cache entry under another name is not used. */
export function answerNames (provider: Provider): readonly string[] {
  return (isComposite(provider) && provider.names) || [provider.name]
}

export function withCacheState (verdict: LookupResult, cache: CacheState): LookupResult {
  return verdict.cache === cache ? verdict : Object.freeze({ ...verdict, cache })
}
