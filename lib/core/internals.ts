import type { IpRiskApi } from '../../types/api.ts'
import type { PluginScope } from '../options/index.ts'
import type { Engine } from './engine.ts'

/** What telemetry needs of an API beside its public members. */
export interface Internals { readonly engine: Engine, readonly scope: PluginScope }

const internals = new WeakMap<object, Internals>()

/** `api` is what applications hold: `app.ipRisk`, what `createIpRisk` returned, or the Express middleware. */
export function rememberInternals<Api extends IpRiskApi> (api: Api, parts: Internals): Api {
  internals.set(api, parts)
  return api
}

/** Undefined for what this copy of the package did not make. */
export function internalsOf (api: unknown): Internals | undefined {
  return (typeof api === 'object' && api !== null) || typeof api === 'function' ? internals.get(api) : undefined
}
