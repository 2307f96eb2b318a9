import type { Provider } from '../../types/contract.ts'
import type { ObservedCall, Observers } from '../util/index.ts'
import type { Layer } from './layer.ts'

type Observed = Pick<Provider, 'name' | 'origin'>

/** Lets observers see the calls of a provider: the innermost layer, so that what was refused before is no call. */
export function observedCalls (
  { name, origin }: Observed, observers: Pick<Observers, 'providerCall'> | undefined
): Layer {
  const called = { provider: name, ...origin !== undefined && { server: serverOf(origin) } }
  return next => async question => {
    const observe = observers?.providerCall
    if (observe === undefined) return await next(question)
    const { write, bulk = false } = question
    return await observe({ ...called, write, bulk }, async () => await next(question))
  }
}

/** Address and port as the semantic conventions of OpenTelemetry have them: no brackets, no default port left out. */
function serverOf (origin: string): NonNullable<ObservedCall['server']> {
  const { hostname, port, protocol } = new URL(origin)
  const defaultPort = protocol === 'https:' ? 443 : 80
  return { address: hostname.replace(/^\[|\]$/g, ''), port: port === '' ? defaultPort : Number(port) }
}
