import type { FastifyRequest } from 'fastify'

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
