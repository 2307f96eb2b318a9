import type { UnknownReason } from '../../types/contract.ts'
import type { RedisBudget } from '../util/index.ts'
import type { KnownResult } from '../verdict/index.ts'

/** The cache that the processes share. No call rejects, and none takes longer than its time limit. */
export interface SharedCache {
  /** Longest wait for one call. */
  readonly timeoutMs: number
  /** False while it is known not to answer for this address: reads and claims would be in vain. */
  answers (ip: string): boolean
  /** The stored verdict; `undefined`: nothing usable is stored; `unreachable`: the cache does not answer. */
  read (ip: string): Promise<KnownResult | undefined | 'unreachable'>
  /** Requests the lease of an address: the right to call the provider, which one process at a time has. */
  claim (ip: string, options: ClaimOptions): Promise<Claim>
  /**
   * A lease of this process alone, which stores unless another process has a real one. For an unreachable cache, or
   * for an escalation. It stores nothing where the address was invalidated not long ago, unless the version that is
   * stored is the one that it replaces.
   */
  localLease (ip: string, replaces?: string): Lease
  /** As `localLease`, for a final answer: it replaces the first answer to the same question only, by its version. */
  finalLease (ip: string, first: string): Lease
  /** The version under which a result of this process is stored. */
  versionOf (ip: string, result: KnownResult): string
}

export interface ClaimOptions {
  /** Whether a stored verdict in the last tenth of its life counts as missing. */
  readonly refresh: boolean
  /** Bounds the wait. With nothing left, the lease is of this process alone. */
  readonly budget: RedisBudget
}

export type Claim =
  | { readonly kind: 'stored', readonly result: KnownResult, readonly version: string }
  /** A call of another process failed a moment ago. */
  | { readonly kind: 'failed', readonly reason: UnknownReason }
  /**
   * Another process has the lease. The outcome of its call arrives before the lease ends; `undefined`: it does not, so
   * claim again; `unreachable`: the cache failed meanwhile.
   */
  | { readonly kind: 'leased', readonly outcome: Promise<LeaseOutcome | undefined | 'unreachable'> }
  /** Not `held`: it did not reply, or refused, so the lease is of this process alone. Another process may call, too. */
  | { readonly kind: 'granted', readonly lease: Lease, readonly held: boolean }

/** The outcome of another process's call. */
export type LeaseOutcome = { readonly result: KnownResult } | { readonly reason: UnknownReason }

/**
 * The right to call the provider, renewed until it ends by one of these calls. They return before anything is stored; a
 * lease that was lost stores nothing.
 */
export interface Lease {
  fill (result: KnownResult): void
  /** Sends the reason to the waiting processes. With `remember`, no process calls again for a short while. */
  fail (reason: UnknownReason, remember: boolean): void
  /** Lets the waiting processes claim. */
  release (): void
}
