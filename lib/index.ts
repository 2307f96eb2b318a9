import fp from 'fastify-plugin'
import type { FastifyPluginAsync } from 'fastify'
import type { FastifyIpRiskOptions } from '../types/contract.ts'
import { mount } from './plugin.ts'

export const fastifyIpRisk: FastifyPluginAsync<FastifyIpRiskOptions> = fp(mount, { name: 'fastify-ip-risk', fastify: '5.x' })
export default fastifyIpRisk

export { createClientIpResolver } from './client-ip/resolver.ts'
export { createIpRisk } from './create-ip-risk.ts'
export { IpRiskError } from './errors.ts'
export { decide } from './policy/policy.ts'
export { defaultPolicy } from './policy/table.ts'
export { iplogs } from './providers/iplogs.ts'
export { lists } from './providers/lists.ts'
export type * from '../types/api.ts'
export type * from '../types/contract.ts'
export type * from '../types/fastify.ts'
