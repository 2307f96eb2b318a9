import { pino } from 'pino'
import type { IpRiskApi } from '../../types/api.ts'
import type { IpRiskLogger, RawRequest, RouteIpRiskOption } from '../../types/contract.ts'
import {
  type Assessment, assessment, assessRequest, createApi, createEngine, type Engine, type CompletedAssessment
} from '../core/index.ts'
import { badOption } from '../errors.ts'
import { readRoutePolicy, readPluginScope, type RoutePolicy, type PluginScope, type PluginScopeOptions } from '../options/index.ts'
import { warnOfMissingStepUp } from './enforcement.ts'

/** What is read of a request outside Fastify. `id` and `log` are what pino-http and its like leave there. */
export type OwnRequest = RawRequest & { readonly method?: string | undefined, readonly id?: unknown, readonly log?: unknown }

export interface JudgeOptions {
  /** The route's pattern. */
  readonly url?: string | undefined
  /** An assessment of the same request, whose address and verdict are used again. */
  readonly earlier?: Assessment | undefined
}

/** One engine and one scope: what stands behind `createIpRisk` and the Express middleware. */
export interface Standalone {
  readonly engine: Engine
  readonly scope: PluginScope
  readonly api: IpRiskApi
  /** `undefined` is an unmarked route. Throws on a wrong option. */
  plan (option: Exclude<RouteIpRiskOption, false> | undefined): RoutePolicy
  /** Publishes nothing yet. */
  judge (request: OwnRequest, plan: RoutePolicy, more?: JudgeOptions): Promise<CompletedAssessment>
}

/** Throws an `IpRiskError` that names the option. */
export function createStandalone (
  options: PluginScopeOptions,
  log: IpRiskLogger = pino({ name: 'ip-risk', level: 'warn' })
): Standalone {
  const scope = readPluginScope(options)
  const engine = createEngine(options, log)
  return {
    engine,
    scope,
    api: createApi(engine, scope),
    plan (option) {
      const plan = readRoutePolicy('route', option, scope)
      if (plan === null) throw badOption('route', 'is false, which switches a route off: call nothing for it instead')
      warnOfMissingStepUp(engine, scope, plan, ['GET', 'POST'])
      return plan
    },
    async judge (request, plan, { url, earlier } = {}) {
      const place = { scope, route: plan, method: request.method ?? 'GET', url, requestId: idOf(request), log: logOf(request, log) }
      return await assessRequest(assessment(engine, place, request, earlier), request)
    }
  }
}

function idOf ({ id }: OwnRequest): string {
  return typeof id === 'string' || typeof id === 'number' ? String(id) : ''
}

function logOf ({ log }: OwnRequest, otherwise: IpRiskLogger): IpRiskLogger {
  const own = log as Partial<IpRiskLogger> | undefined
  const isLogger = typeof own?.debug === 'function' && typeof own.info === 'function' && typeof own.error === 'function'
  return isLogger ? own as IpRiskLogger : otherwise
}
