/**
 * Fastify's part of the public types. Nothing else of `types/` names Fastify, so that applications without it compile.
 * `@ts-ignore` is for them, too: without Fastify, the import is `any`. It hides a missing module and nothing else.
 */
/** @ts-ignore -- an optional peer */
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { IpRiskApi } from './api.ts'
import type { FamiliarityOptions as FamiliarityOptionsOf } from './familiarity.ts'
import type { EngineOptions, RequestOptions } from './options.ts'
import type { OnDecision as OnDecisionOf } from './record.ts'
import type { IpRisk } from './risk.ts'
import type { RouteIpRiskOption } from './route.ts'
import type { StepUp as StepUpOf } from './step-up.ts'

/** The options of the Fastify plugin. */
export interface FastifyIpRiskOptions extends EngineOptions, RequestOptions<FastifyRequest, FastifyReply> {}

/** Step-up authentication by RFC 9470. `Request` is Fastify's unless another is named. */
export interface StepUp<Request = FastifyRequest> extends StepUpOf<Request> {}

/** The options of `familiarity`. `Request` is Fastify's unless another is named. */
export interface FamiliarityOptions<Request = FastifyRequest> extends FamiliarityOptionsOf<Request> {}

/**
 * Called with every decision record and its request; not awaited. `Request` is Fastify's unless another is named. If it
 * throws or rejects, that is logged, code `IP_RISK_ON_DECISION_FAILED`.
 */
export type OnDecision<Request = FastifyRequest> = OnDecisionOf<Request>

/** @ts-ignore -- an optional peer */
declare module 'fastify' {
  interface FastifyRequest {
    /** There from the plugin's `onRequest` hook on; null before, and on routes with `ipRisk: false`. */
    ipRisk: IpRisk | null
  }
  interface FastifyInstance {
    /** Lookups, decisions and counters of this plugin scope. */
    ipRisk: IpRiskApi
  }
  interface FastifyContextConfig {
    /** How the requests of this route are judged: an action name, `true`, `false` (not at all), or written out. */
    ipRisk?: RouteIpRiskOption | undefined
  }
}
