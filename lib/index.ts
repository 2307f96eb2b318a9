/** @ts-ignore -- an optional peer: without it, the plugin's type is `any` */
import type { FastifyPluginAsync } from 'fastify'
import fp from 'fastify-plugin'
import type { FastifyIpRiskOptions } from '../types/fastify.ts'
import { registerPlugin } from './frameworks/fastify.ts'

/**
 * The Fastify plugin, also the default export. It finds the client's address, leaves `request.ipRisk` on each request
 * and acts on the routes that are marked by `config.ipRisk`. Await it before you declare routes. Rejects with an
 * `IpRiskError` for a wrong option, or when it is there in this scope already.
 *
 * @example
 * await app.register(fastifyIpRisk, { clientIp: { trusted: ['10.0.0.0/8'] }, mode: 'monitor' })
 * app.post('/signup', { config: { ipRisk: 'signup' } }, handler)
 */
export const fastifyIpRisk: FastifyPluginAsync<FastifyIpRiskOptions> = fp(registerPlugin, {
  name: 'fastify-ip-risk', fastify: '5.x'
})
export default fastifyIpRisk

export { createClientIpResolver } from './client-ip/index.ts'
export { createIpRisk } from './frameworks/node.ts'
export { errorCodes, IpRiskError } from './errors.ts'
export { subnetKey } from './ip/index.ts'
export { decide, defaultPolicy, failClosed } from './policy/index.ts'
export { consensus, escalate, fallback, shadow } from './providers/composite/index.ts'
export { getipintel } from './providers/getipintel/index.ts'
export { httpProvider } from './providers/http/index.ts'
export { iplogs } from './providers/iplogs/index.ts'
export { lists } from './providers/lists/index.ts'
export { mmdb } from './providers/mmdb/index.ts'
export { knownAnswer } from './verdict/index.ts'
export type {
  ConsensusOptions, EscalateOptions, EscalationRule, FallbackOptions, ShadowOptions
} from './providers/composite/index.ts'
export type { GetipintelOptions } from './providers/getipintel/index.ts'
export type {
  HttpBulk, HttpProviderOptions, HttpReplyInfo, HttpRequest, RemoteOptions, Secret
} from './providers/http/index.ts'
export type { IplogsOptions } from './providers/iplogs/index.ts'
export type { ListsOptions, ListSource } from './providers/lists/index.ts'
export type { MmdbOptions } from './providers/mmdb/index.ts'
export type * from '../types/api.ts'
export type * from '../types/contract.ts'
export type { FamiliarityOptions, FastifyIpRiskOptions, OnDecision, StepUp } from '../types/fastify.ts'
