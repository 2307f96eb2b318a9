import type { IpRiskEngine } from '../types/api.ts'
import type { CreateIpRiskOptions } from '../types/contract.ts'
import type { RoutePlan } from './route.ts'
import { createStandalone } from './standalone.ts'

/** The engine without Fastify. Throws an `IpRiskError` that names the option; whoever makes it closes it. */
export function createIpRisk ({ log, ...options }: CreateIpRiskOptions = {}): IpRiskEngine {
  const { engine, api, plan, judge, refusal } = createStandalone(options, log)
  const named = new Map<unknown, RoutePlan>()
  const written = new WeakMap<object, RoutePlan>()
  return {
    ...api,
    async check (request, route = true) {
      const plans = typeof route === 'object' ? written : named
      let known = plans.get(route as object)
      if (known === undefined) plans.set(route as object, known = plan(route))
      return await judge(request, known)
    },
    async refusal (request, risk) {
      const refused = await refusal(request, risk)
      if (refused === undefined) return null
      const { error: { statusCode, code, message }, challenge } = refused
      return { statusCode: statusCode!, code, message, headers: challenge === undefined ? {} : { 'www-authenticate': challenge } }
    },
    ready: engine.ready,
    close: engine.close
  }
}
