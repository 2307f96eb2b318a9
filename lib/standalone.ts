import { pino } from 'pino'
import type { IpRiskApi } from '../types/api.ts'
import type { EngineOptions, IpRisk, IpRiskLogger, RawRequest, RouteIpRiskOption, StepUp } from '../types/contract.ts'
import { createApi } from './api.ts'
import { visit } from './assess.ts'
import { createEngine, type Engine } from './engine.ts'
import { badOption } from './errors.ts'
import { challenged, ended, needsStepUp, type Refusal, warnOfMissingStepUp } from './refusal.ts'
import { readRoute, type RoutePlan } from './route.ts'
import { readScope } from './scope.ts'

/** What is read of a request outside Fastify. `id` and `log` are what pino-http and its like leave there. */
export type OwnRequest = RawRequest & { readonly method?: string | undefined, readonly id?: unknown, readonly log?: unknown }

/** One engine and one scope: what stands behind `createIpRisk` and the Express middleware. */
export interface Standalone {
  readonly engine: Engine
  readonly api: IpRiskApi
  /** `undefined` is an unmarked route. Throws on a wrong option. */
  plan (option: Exclude<RouteIpRiskOption, false> | undefined): RoutePlan
  judge (request: OwnRequest, plan: RoutePlan, url?: string): Promise<IpRisk>
  /** What to answer instead of going on, or undefined. A risk that `judge` did not give counts as one of a marked route. Never rejects. */
  refusal (request: OwnRequest, risk: IpRisk): Promise<Refusal | undefined>
}

/** Throws an `IpRiskError` that names the option. */
export function createStandalone (
  options: EngineOptions & { readonly stepUp?: StepUp<never> | undefined },
  log: IpRiskLogger = pino({ name: 'ip-risk', level: 'warn' })
): Standalone {
  const scope = readScope(options)
  const engine = createEngine(options, log)
  const plans = new WeakMap<IpRisk, RoutePlan>()
  return {
    engine,
    api: createApi(engine, scope),
    plan (option) {
      const plan = readRoute('route', option, scope)
      if (plan === null) throw badOption('route', 'is false, which switches a route off: call nothing for it instead')
      warnOfMissingStepUp(engine, scope, plan, ['GET', 'POST'])
      return plan
    },
    async judge (request, plan, url) {
      const place = { scope, plan, method: request.method ?? 'GET', url, requestId: idOf(request), log: logOf(request, log) }
      const risk = await visit(engine, request, place)
      plans.set(risk, plan)
      return risk
    },
    async refusal (request, risk) {
      const plan = plans.get(risk) ?? { marked: true, mode: scope.mode }
      const error = ended(request, plan, risk)
      if (error !== undefined) return { error }
      if (!needsStepUp(risk)) return undefined
      const refused = await challenged(scope, request, logOf(request, log))
      const gone = ended(request, plan, risk)
      return gone === undefined ? refused : { error: gone }
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
