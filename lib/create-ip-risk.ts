import { pino } from 'pino'
import type { IpRiskEngine } from '../types/api.ts'
import type { CreateIpRiskOptions } from '../types/contract.ts'
import { createApi } from './api.ts'
import { assess } from './assess.ts'
import { createEngine } from './engine.ts'
import { readRoute, type RoutePlan } from './route.ts'
import { readScope } from './scope.ts'

/** The engine without Fastify. Throws an `IpRiskError` that names the option; whoever makes it closes it. */
export function createIpRisk ({ log = pino({ name: 'ip-risk', level: 'warn' }), ...options }: CreateIpRiskOptions = {}): IpRiskEngine {
  const scope = readScope(options)
  const engine = createEngine(options, log)
  const named = new Map<unknown, RoutePlan>()
  const written = new WeakMap<object, RoutePlan>()
  return {
    ...createApi(engine, scope),
    async check (request, route = true) {
      const plans = typeof route === 'object' ? written : named
      let plan = plans.get(route as object)
      if (plan === undefined) plans.set(route as object, plan = readRoute('route', route, scope)!)
      const risk = await assess(engine, engine.resolve(request), { scope, plan, method: request.method ?? 'GET', url: undefined })
      engine.count(risk)
      return risk
    },
    close: engine.close
  }
}
