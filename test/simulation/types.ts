import type { FleetRecord } from './record.ts'
import type { Actor, World } from './world.ts'

/** One event of a schedule. `process` counts from 0; `afterMs` is the time since the previous event. */
export type Step = { readonly afterMs: number } & (
  | { readonly kind: 'lookup', readonly process: number, readonly ip: number, readonly write: boolean }
  | { readonly kind: 'invalidate', readonly process: number, readonly ip: number }
  | { readonly kind: 'kill', readonly process: number }
  | { readonly kind: 'close', readonly process: number }
  | { readonly kind: 'start', readonly process: number }
  | { readonly kind: 'freeze', readonly process: number, readonly forMs: number }
  | { readonly kind: 'partition', readonly process: number, readonly forMs: number }
  | { readonly kind: 'weather', readonly delayMs: number, readonly loss: number, readonly twice: number }
  | { readonly kind: 'redis', readonly downMs: number, readonly data: 'kept' | 'lost' | 'behind' }
  | { readonly kind: 'burst', readonly process: number, readonly count: number }
  | { readonly kind: 'provider', readonly latencyMs: number, readonly failures: number }
)

export interface Schedule {
  readonly seed: number
  readonly skewsMs: readonly number[]
  readonly steps: readonly Step[]
}

export interface Options {
  readonly perMinute?: number
  readonly timeoutMs?: number
}

export interface ProviderCall {
  readonly process: number
  /** The process itself: another one may take its number after it. */
  readonly actor: Actor
  readonly ip: string
  readonly startMs: number
  /** Part of its answer. */
  readonly version: number
  endMs: number
  known: boolean
}

export interface Question {
  readonly process: number
  readonly ip: string
  readonly write: boolean
  /** When the process got to it; undefined while it is frozen. */
  startMs: number | undefined
  readonly actor: Actor
  endMs: number | undefined
  verdict: string | undefined
  reason: string | undefined
  /** What the provider sent with the verdict: the address and the version of the call that it came from. */
  org: string | undefined
  version: number | undefined
  /** How old the process took it to be. */
  ageMs: number | undefined
}

/** An address was to be forgotten by every process. */
export interface Invalidation { readonly process: number, readonly ip: string, readonly atMs: number }

/** `machine`: that of a real fleet gave no processor. `loss`: a message got lost. `weather`: all take too long. */
export type FaultKind = 'kill' | 'close' | 'freeze' | 'partition' | 'redis' | 'weather' | 'loss' | 'machine'

/** A time in which something was wrong, for the process or for all (undefined). */
export interface Fault {
  readonly kind: FaultKind
  readonly fromMs: number
  /** When it shows no more: some time after its end. */
  toMs: number
  readonly process: number | undefined
  /** What a restart of Redis left of its data. */
  restart?: 'kept' | 'lost' | 'behind'
  /** Of a process that was killed or closed: no other one was alive. */
  alone?: boolean
}

/** A broadcast did not reach a process, although its connection stayed open: TCP does not do that, and nothing repairs it. */
export interface Missed { readonly process: number, readonly atMs: number }

/** A process that was started after the first ones. `second`: there was one other. */
export interface Start { readonly process: number, readonly atMs: number, readonly second: boolean }

/** Simulated, or real processes and a real Redis (real-fleet.ts): the invariants are the same. */
export interface Fleet extends Pick<FleetRecord, 'observations' | 'observed'> {
  readonly world: Pick<World, 'nowMs' | 'advance'>
  /** When its first processes had started. */
  readonly bootedMs: number
  readonly calls: readonly ProviderCall[]
  readonly questions: readonly Question[]
  readonly faults: readonly Fault[]
  readonly invalidations: readonly Invalidation[]
  readonly missed: readonly Missed[]
  readonly starts: readonly Start[]
  readonly problems: string[]
  readonly provider: { latencyMs: number, failures: number }
  run (step: Step): Promise<void>
  lookup (process: number, ip: string, write: boolean): Question | undefined
  isAlive (process: number): boolean
  end (): void | Promise<void>
}
