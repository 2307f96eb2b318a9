import { pino } from 'pino'
import type { IpRiskApi } from '../types/api.ts'
import type { EngineOptions, IpRisk, IpRiskLogger, RawRequest, RouteIpRiskOption, StepUp } from '../types/contract.ts'
import { createApi } from './api.ts'
import { visit } from './assess.ts'
import { createEngine, type Engine } from './engine.ts'
import { badOption } from './errors.ts'
import { blocked, challenged, needsStepUp, type Refusal, warnOfMissingStepUp } from './refusal.ts'
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
  judge (request: OwnRequest, plan: RoutePlan, url?: string): IpRisk | Promise<IpRisk>
  /** What to answer instead of going on, or undefined. Never rejects. */
  refusal (request: OwnRequest, risk: IpRisk): Promise<Refusal | undefined>
}

/** Throws an `IpRiskError` that names the option. */
export function createStandalone (
  options: EngineOptions & { readonly stepUp?: StepUp<never> | undefined },
  log: IpRiskLogger = pino({ name: 'ip-risk', level: 'warn' })
): Standalone {
  const scope = readScope(options)
  const engine = createEngine(options, log)
  return {
    engine,
    api: createApi(engine, scope),
    plan (option) {
      const plan = readRoute('route', option, scope)
      if (plan === null) throw badOption('route', 'is false, which switches a route off: call nothing for it instead')
      warnOfMissingStepUp(engine, scope, plan, ['GET', 'POST'])
      return plan
    },
    judge: (request, plan, url) =>
      visit(engine, request, { scope, plan, method: request.method ?? 'GET', url, requestId: idOf(request), log: logOf(request, log) }),
    async refusal (request, risk) {
      const error = blocked(risk)
      if (error !== undefined) return { error }
      return needsStepUp(risk) ? await challenged(scope, request, logOf(request, log)) : undefined
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
