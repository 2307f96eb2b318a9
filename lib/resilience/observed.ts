import type { Provider, ProviderAnswer } from '../../types/contract.ts'
import type { ObservedBulk, ObservedBulkResult, ObservedCall, Observers } from '../util/index.ts'
import type { Layer } from './layer.ts'

type Observed = Pick<Provider, 'name' | 'origin'>

/** Lets observers see the calls of a provider: the innermost layer, so that what was refused before is no call. */
export function observedCalls (
  { name, origin }: Observed, observers: Pick<Observers, 'providerCall'> | undefined
): Layer {
  const called = calledBy({ name, origin })
  return next => async question => {
    const observe = observers?.providerCall
    if (observe === undefined) return await next(question)
    const { write, bulk = false } = question
    return await observe({ ...called, write, bulk }, async () => await next(question))
  }
}

/** What one run of `bulk` gives, for observers. */
export interface BulkObservation {
  see (answer: ProviderAnswer): void
  end (): void
}

/** Begins with the run. Undefined while nobody observes that. */
export function observedBulk (
  provider: Observed, observers: Pick<Observers, 'providerBulk'> | undefined,
  asked: Pick<ObservedBulk, 'write' | 'addresses'>
): BulkObservation | undefined {
  const observe = observers?.providerBulk
  if (observe === undefined) return undefined
  let result: ObservedBulkResult = {}
  let end = (): void => {}
  const ended = new Promise<ObservedBulkResult>(resolve => { end = () => resolve(result) })
  observe({ ...calledBy(provider), ...asked }, () => ended)
  return {
    see (answer) {
      const failed = answer.verdict === 'unknown' && answer.reason !== 'no_data'
      if (failed && result.error === undefined) result = { error: answer.reason }
    },
    end
  }
}

function calledBy ({ name, origin }: Observed): Pick<ObservedCall, 'provider' | 'server'> {
  return { provider: name, ...origin !== undefined && { server: serverOf(origin) } }
}

/** Address and port as the semantic conventions of OpenTelemetry have them: no brackets, no default port left out. */
function serverOf (origin: string): NonNullable<ObservedCall['server']> {
  const { hostname, port, protocol } = new URL(origin)
  const defaultPort = protocol === 'https:' ? 443 : 80
  return { address: hostname.replace(/^\[|\]$/g, ''), port: port === '' ? defaultPort : Number(port) }
}
