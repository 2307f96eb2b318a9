import type { CacheState, LookupMode, ProviderAnswer, UnknownReason } from '../../types/contract.ts'

export interface ObservedLookup { readonly mode: LookupMode, readonly write: boolean }

/** The part of a lookup's result that may be observed. It holds no address. */
export interface ObservedResult {
  readonly answer: ProviderAnswer
  readonly provider: string
  readonly cache: CacheState
}

export interface ObservedCall {
  readonly provider: string
  readonly write: boolean
  readonly bulk: boolean
  /** Where the service is, if the provider says so. */
  readonly server?: { readonly address: string, readonly port: number }
}

export interface ObservedBulk extends Omit<ObservedCall, 'bulk'> {
  /** How many addresses the provider was asked about. */
  readonly addresses: number
}

export interface ObservedBulkResult {
  /** Addresses that the provider failed to answer. One that it has no data on is answered. */
  readonly failed: number
  /** Why the run itself failed: its code threw, or it answered no address; then the first one's reason. */
  readonly error?: UnknownReason
  /** The reader took no further row. */
  readonly abandoned?: boolean
}

/**
 * Sees where the process is left, and what came of requests. `lookup`, `refresh`, `providerCall` and `providerBulk`
 * run around the work: each must call `run` once and return its result. An observer must not throw.
 */
export interface Observer<Decided = never> {
  /** A lookup that waits for Redis or a provider; never a memory hit. */
  readonly lookup?: (call: ObservedLookup, run: () => Promise<ObservedResult>) => Promise<ObservedResult>
  /** A lookup in the background, after a hit that grows old. No request waits for it. */
  readonly refresh?: (call: ObservedLookup, run: () => Promise<ObservedResult>) => Promise<ObservedResult>
  /** One call of a provider, retries included. */
  readonly providerCall?: (call: ObservedCall, run: () => Promise<ProviderAnswer>) => Promise<ProviderAnswer>
  /** One run of the `bulk` of a provider: all of its calls, and its waits for the quota and for the reader. */
  readonly providerBulk?: (call: ObservedBulk, run: () => Promise<ObservedBulkResult>) => Promise<ObservedBulkResult>
  /** One command to Redis. `error` is a word of a closed vocabulary, absent on success. */
  readonly redis?: (operation: string, durationMs: number, error?: string) => void
  /** A request's outcome is known. */
  readonly decision?: (decided: Decided) => void
  /** Whether `decision` reads how long a request took: the clock for it costs more than the rest of an observer. */
  readonly timesDecisions?: boolean
}

/** The observers of one engine. A member is undefined while nobody observes that, so that it costs one comparison. */
export interface Observers<Decided = never> {
  readonly lookup: Observer['lookup'] | undefined
  readonly refresh: Observer['refresh'] | undefined
  readonly providerCall: Observer['providerCall'] | undefined
  readonly providerBulk: Observer['providerBulk'] | undefined
  readonly redis: Observer['redis'] | undefined
  readonly decision: Observer<Decided>['decision'] | undefined
  readonly timesDecisions: boolean
  /** Returns what removes it again. */
  add (observer: Observer<Decided>): () => void
}

type Around<Call, Result> = (call: Call, run: () => Promise<Result>) => Promise<Result>

export function createObservers<Decided> (): Observers<Decided> {
  const all = new Set<Observer<Decided>>()
  const observers = {
    lookup: undefined as Observers['lookup'],
    refresh: undefined as Observers['refresh'],
    providerCall: undefined as Observers['providerCall'],
    providerBulk: undefined as Observers['providerBulk'],
    redis: undefined as Observers['redis'],
    decision: undefined as Observers<Decided>['decision'],
    timesDecisions: false,
    add (observer: Observer<Decided>) {
      all.add(observer)
      compose()
      return () => {
        all.delete(observer)
        compose()
      }
    }
  }

  function compose (): void {
    const having = <K extends keyof Observer<Decided>>(key: K): NonNullable<Observer<Decided>[K]>[] =>
      [...all].flatMap(observer => observer[key] ?? [])
    observers.lookup = around(having('lookup'))
    observers.refresh = around(having('refresh'))
    observers.providerCall = around(having('providerCall'))
    observers.providerBulk = around(having('providerBulk'))
    const [redis, decisions] = [having('redis'), having('decision')]
    observers.redis = redis.length === 0
      ? undefined
      : (operation, durationMs, error) => { for (const see of redis) see(operation, durationMs, error) }
    // The one that most have is called directly, because it is on the way of each request.
    observers.decision = decisions.length < 2
      ? decisions[0]
      : decided => { for (const see of decisions) see(decided) }
    observers.timesDecisions = having('timesDecisions').includes(true)
  }
  return observers
}

function around<Call, Result> (layers: readonly Around<Call, Result>[]): Around<Call, Result> | undefined {
  return layers.length === 0
    ? undefined
    : (call, run) => layers.reduceRight<() => Promise<Result>>((next, layer) => () => layer(call, next), run)()
}
