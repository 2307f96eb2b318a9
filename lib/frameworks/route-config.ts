import type { FastifyRequest } from 'fastify'
import type {} from '../../types/fastify.ts'
import type { Engine } from '../core/index.ts'
import { type PluginScope, readRoutePolicy, type RoutePolicy } from '../options/index.ts'
import { optionContradicts, warnOfRoute } from './enforcement.ts'
import { methodDoubt, nameOf, type StepUpPlace, warnOfMethods } from './fastify-routes.ts'

type RouteConfig = FastifyRequest['routeOptions']['config']
type Holder = FastifyRequest & { readonly [key: symbol]: { readonly config?: RouteConfig } | null | undefined }

interface RouteConfigs { of (request: FastifyRequest): RouteConfig }

/**
 * The `config` of a request's route. Each read of `request.routeOptions` makes an object of twelve members, so the
 * config is read from where Fastify keeps it: under the symbol whose value had the config of the first request. A
 * Fastify that keeps it elsewhere is asked through `routeOptions` each time.
 */
export function routeConfigs (): RouteConfigs {
  let key: symbol | undefined
  let searches = 3
  return {
    of (request) {
      const config = key === undefined ? undefined : (request as Holder)[key]?.config
      if (config !== undefined) return config
      const documented = request.routeOptions.config
      if (searches > 0) {
        searches--
        key = Object.getOwnPropertySymbols(request).find(symbol =>
          (request as Holder)[symbol]?.config === documented) ?? key
      }
      return documented
    }
  }
}

/** On the config of a route that our `onRoute` hook met: its step-up is the last of its own `preHandler`s. */
export const seen: unique symbol = Symbol('fastify-ip-risk.seen')
export type Config = FastifyRequest['routeOptions']['config'] & { readonly [seen]?: StepUpPlace }

/**
 * Routes that `onRoute` met are checked already. One that it missed must not fail for visitors: it is assessed by the
 * scope's policy. One whose option contradicts an `update()` is assessed as before it, by `earlier`.
 */
export function lateRoute (
  config: Config, scope: PluginScope, engine: Engine, earlier: RoutePolicy | null | undefined = config[seen]?.atBoot
): RoutePolicy | null {
  const name = `${nameOf(config)}: config.ipRisk`
  try {
    const routePolicy = readRoutePolicy(name, config.ipRisk, scope)
    if (routePolicy === null) return null
    warnOfRoute(engine, scope, routePolicy, [config.method].flat())
    if (config[seen] !== undefined) return routePolicy
    const doubt = methodDoubt(routePolicy, config.ipRisk, [config.method].flat())
    if (doubt !== undefined) warnOfMethods(doubt, [nameOf(config)], engine.log)
    if (routePolicy.marked && scope.stepUp !== undefined) {
      engine.log.warn({ code: 'IP_RISK_STEP_UP_EARLY', route: config.url }, 'a step-up on this route is asked before ' +
        'its own preHandlers, and so perhaps before authentication: await the registration of fastify-ip-risk before ' +
        'routes are declared')
    }
    return routePolicy
  } catch (err) {
    if (earlier !== undefined) {
      engine.log.error({ code: 'IP_RISK_ROUTE_OPTION_WRONG', err }, optionContradicts)
      return earlier
    }
    engine.log.error({ code: 'IP_RISK_ROUTE_OPTION_WRONG', err }, 'a route has a wrong "config.ipRisk" and is judged ' +
      'as if it were "true"; await the registration of fastify-ip-risk before routes are declared, so that such a ' +
      'mistake fails at boot')
    return readRoutePolicy(name, true, scope)
  }
}
