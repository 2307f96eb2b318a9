import type { IpRiskApi } from '../../types/api.ts'
import { type Internals, internalsOf } from '../core/index.ts'
import { badOption } from '../errors.ts'

/** The engine of an API. Throws an `IpRiskError` where `value` is none of this copy of the package. */
export function targetOf (value: IpRiskApi | undefined, path: string): Internals {
  const internals = internalsOf(value)
  if (internals === undefined) {
    throw badOption(path, 'is not the API of a registered fastify-ip-risk: register the plugin first and pass ' +
      'app.ipRisk, or pass what createIpRisk() returned, from the same installation of the package')
  }
  return internals
}
