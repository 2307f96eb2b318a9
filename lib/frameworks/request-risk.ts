import type { FastifyRequest } from 'fastify'
import type { IpRisk } from '../../types/contract.ts'
import type { CompletedAssessment } from '../core/index.ts'

/** On a request that was assessed. Not read from `request.ipRisk`, which an application may replace. */
export const assessed: unique symbol = Symbol('fastify-ip-risk.assessed')
/** What an application wrote to `request.ipRisk`. */
const replaced: unique symbol = Symbol('fastify-ip-risk.replaced')
export type Assessed = FastifyRequest & { [assessed]?: CompletedAssessment, [replaced]?: IpRisk | null }

/** Fastify would store a plain value on every request of the application, also where the plugin has nothing to do. */
export const ipRiskAccessor = {
  getter (this: Assessed): IpRisk | null {
    const own = this[replaced]
    return own === undefined ? this[assessed]?.risk ?? null : own
  },
  setter (this: Assessed, risk: IpRisk | null): void { this[replaced] = risk }
}
