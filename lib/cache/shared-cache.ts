import type { UnknownReason } from '../../types/contract.ts'
import type { RedisBudget } from '../util/index.ts'
import type { KnownResult } from '../verdict/index.ts'

/** The cache that processes share. No call rejects, and none takes longer than its time limit. */
export interface SharedCache {
  /** Longest wait for one call. */
  readonly timeoutMs: number
  /** What is stored; `undefined`: nothing that can be used; `away`: the cache does not answer. */
  read (ip: string): Promise<KnownResult | undefined | 'away'>
  /** Asks for the right to ask the provider: over all processes one has it at a time. */
  claim (ip: string, options: ClaimOptions): Promise<Claim>
  /** While the cache is away: a lease for this process alone, which stores unless somebody has a real one. */
  unclaimed (ip: string): Lease
}

export interface ClaimOptions {
  /** Only a verdict that is not in the last tenth of its life counts as stored. */
  readonly refresh: boolean
  /** The claim takes no longer than what is left of it; with nothing left, the lease is for this process alone. */
  readonly budget: RedisBudget
}

export type Claim =
  | { readonly kind: 'stored', readonly verdict: KnownResult }
  /** Somebody asked a moment ago, in vain. */
  | { readonly kind: 'failed', readonly reason: UnknownReason }
  /**
   * Another process is asking. The news comes within the time of a lease; `undefined`: there is none, claim again;
   * `away`: Redis failed.
   */
  | { readonly kind: 'held', readonly news: Promise<News | undefined | 'away'> }
  | { readonly kind: 'ours', readonly lease: Lease }

/** What came of another one's call. */
export type News = { readonly verdict: KnownResult } | { readonly reason: UnknownReason }

/** The right to ask, renewed until one of its ends is called. They return before anything is stored; a lost lease stores nothing. */
export interface Lease {
  fill (verdict: KnownResult): void
  /** Whoever waits is told. With `remember` nobody asks again for a short while. */
  fail (reason: UnknownReason, remember: boolean): void
  /** Whoever waits may claim. */
  release (): void
}
