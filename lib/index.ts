/** @ts-ignore -- an optional peer: without it, the plugin's type is `any` */
import type { FastifyPluginAsync } from 'fastify'
import fp from 'fastify-plugin'
import type { FastifyIpRiskOptions } from '../types/fastify.ts'
import { registerPlugin } from './frameworks/fastify.ts'

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
