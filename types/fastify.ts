/** What the plugin adds to Fastify's own types. */
import type { IpRisk, RouteIpRiskOption } from './contract.ts'
import type { IpRiskApi } from './api.ts'

declare module 'fastify' {
  interface FastifyRequest {
    /** There from the plugin's `onRequest` hook on; null before, and on routes with `ipRisk: false`. */
    ipRisk: IpRisk | null
  }
  interface FastifyInstance {
    ipRisk: IpRiskApi
  }
  interface FastifyContextConfig {
    ipRisk?: RouteIpRiskOption
  }
}
