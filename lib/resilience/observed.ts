import type { Observers } from '../util/index.ts'
import type { Layer } from './layer.ts'

/** Lets observers see the calls of a provider: the innermost layer, so that what was refused before is no call. */
export function observedCalls (provider: string, observers: Pick<Observers, 'providerCall'> | undefined): Layer {
  return next => async question => {
    const observe = observers?.providerCall
    if (observe === undefined) return await next(question)
    const { write, bulk = false } = question
    return await observe({ provider, write, bulk }, async () => await next(question))
  }
}
