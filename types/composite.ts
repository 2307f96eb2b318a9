/** Advanced providers: composites of others, and providers whose first answer is not final. */
import type { LookupContext, Provider } from './provider.ts'
import type { CompositeStats } from './stats.ts'
import type { ProviderAnswer } from './verdict.ts'

/** How a composite asks a member. */
export interface AskMemberOptions {
  /** Shortens the member's own time, in milliseconds. */
  readonly timeoutMs?: number | undefined
  /** A question that no request waits for: it counts as a read, and goes on when the request has its answer. */
  readonly background?: boolean | undefined
}

/** What a composite may use while it answers. */
export interface CompositeContext extends LookupContext {
  /**
   * Asks a member behind its own resilience pipeline and quota. Never throws or rejects. The answer of a `sync` member
   * is not a promise.
   */
  ask (
    member: Provider, ip: string, options?: AskMemberOptions
  ): ProviderAnswer | Promise<ProviderAnswer>
  /** The same for many addresses; each gets one row. */
  askAll (
    member: Provider, ips: readonly string[], options?: {
      /** `false` does not wait until the member's limits allow calls. Default true. */
      readonly wait?: boolean | undefined
    }
  ): AsyncIterable<[string, ProviderAnswer]>
}

/**
 * A provider made of providers, which it asks by `context.ask`. Each member has its own circuit breaker, quota and
 * counters, and is started and closed with the composite. A composite has no limits of its own, only `timeoutMs`.
 *
 * @example
 * const strictest = (members: readonly Provider[]): CompositeProvider => ({
 *   name: `strictest(${members.map(member => member.name).join()})`,
 *   members,
 *   async lookup (ip, context) {
 *     const answers = await Promise.all(members.map(member => context.ask(member, ip)))
 *     return answers.find(answer => answer.verdict === 'vpn_detected') ?? answers[0]!
 *   }
 * })
 */
export interface CompositeProvider extends Provider {
  /** The providers that it asks. Their names must differ. */
  readonly members: readonly Provider[]
  /**
   * Most money that its members may cost in one day (UTC), by their `costPerCall`. Half is kept for writes. Default:
   * no limit.
   */
  readonly maxCostPerDay?: number | undefined
  /**
   * Whether a cached answer is good enough for a write; if not, the write looks the address up again. `provider` is
   * the name that gave the answer. Default: always.
   */
  isFinalForWrite? (answer: ProviderAnswer, provider: string): boolean
  /**
   * The one of `members` that is only measured beside the others, as in `shadow`: its answers must not decide. It pays
   * from `maxCostPerDay`, and from no budget of a composite around; the other members pay from the budgets around only.
   * On the quota (`quotaName`) of a provider that decides, it is an error at boot. Default: none, and all members pay
   * from `maxCostPerDay` and from the budgets around.
   */
  readonly candidate?: Provider | undefined
  /** Its own part of `stats().composites[name]`. `costOf` is what the calls to a member have cost since the start. */
  stats? (costOf: (member: Provider) => number): Pick<CompositeStats, 'escalation' | 'shadow'>
  /** Every name that its answers may carry in `provider`. Default: only `name`. */
  readonly names?: readonly string[] | undefined
  /** As of a `Provider`, with a context that can ask members. */
  lookup (ip: string, context: CompositeContext): ProviderAnswer | Promise<ProviderAnswer>
  /** As of a `Provider`, with a context that can ask members. */
  bulk? (ips: readonly string[], context: CompositeContext): AsyncIterable<[string, ProviderAnswer]>
}

/** What a provider with `settlesAfterMs` may use while it answers. */
export interface SettlingContext extends LookupContext {
  /**
   * A deferred lookup: asks again after `delayMs`, in the background and from the reads' part of the quota. The answer
   * replaces the cached one, in every process. One per address at a time. Absent where the answer would not be seen:
   * in `bulk`, and in a composite that merges answers.
   */
  later? (delayMs: number, look: (context: LookupContext) => ProviderAnswer | Promise<ProviderAnswer>): void
}

/** A provider whose first answer is not final, such as GetIPIntel without flags. */
export interface SettlingProvider extends Provider {
  /**
   * A known answer younger than this is not final, in milliseconds: 1 to 60 000. `lookup` asks for the settled answer
   * by `context.later`, with a delay that is at least 100 ms longer. A write that meets an unsettled answer waits for
   * the settled one if its `timeoutMs` allows. GetIPIntel documents about five seconds.
   */
  readonly settlesAfterMs: number
  /** As of a `Provider`, with a context that can ask again later. */
  lookup (ip: string, context: SettlingContext): ProviderAnswer | Promise<ProviderAnswer>
}
