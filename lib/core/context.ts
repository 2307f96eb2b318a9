import type { IpRisk, IpRiskLogger, Outcome } from '../../types/contract.ts'
import type { PluginScope, RoutePolicy } from '../options/index.ts'
import { createObservers, type Observers } from '../util/index.ts'

/** Where a request is assessed: its plugin scope, its route, and the log of the request. */
export interface AssessmentContext {
  readonly scope: PluginScope
  readonly route: RoutePolicy
  readonly method: string
  readonly url: string | undefined
  readonly requestId: string
  readonly log: IpRiskLogger
}

/** How long it took to assess a request, and when that was done. */
export interface Time { readonly durationMs: number, readonly atMs: number }

/** What an observer sees of a request whose outcome is known. It must not be kept. */
export interface Published {
  /** Made when it is read. */
  readonly risk: IpRisk
  readonly context: AssessmentContext
  readonly outcome: Outcome | undefined
  /** Where the decision was made earlier than its outcome was known. */
  readonly time: Time | undefined
  readonly startedAtMs: number
  readonly startedMs: number | undefined
}

/** An assessed request whose outcome is known. Holds neither the framework's request nor what it sent. */
export interface Decided {
  readonly risk: IpRisk
  readonly context: AssessmentContext
  readonly outcome: Outcome
  readonly time: Time
}

/** Who is called when the engine does something. */
export type EngineObservers = Observers<Published>

export const createEngineObservers = (): EngineObservers => createObservers<Published>()
