import type { Provider, ProviderAnswer, UnknownReason } from '../../types/contract.ts'
import {
  deferred, type ObservedBulk, type ObservedBulkResult, type ObservedCall, type Observers
} from '../util/index.ts'
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
interface BulkObservation {
  /** Just before a row is given to the reader; `taken` follows when the reader comes for the next one. */
  row (answer: ProviderAnswer): void
  taken (): void
  /** Addresses without a row. */
  missing (addresses: number, answer: ProviderAnswer): void
  threw (reason: UnknownReason): void
  end (): void
}

/** A reader that takes no row for so long has given up: a loop that ends without `return()` sends no signal. */
const ABANDONED_MS = 600_000

/** Begins with the run, and ends with `signal` at the latest. Undefined while nobody observes that. */
export function observedBulk (
  provider: Observed, observers: Pick<Observers, 'providerBulk'> | undefined,
  asked: Pick<ObservedBulk, 'write' | 'addresses'>, signal: AbortSignal,
  abandonedMs: number = ABANDONED_MS
): BulkObservation | undefined {
  const observe = observers?.providerBulk
  if (observe === undefined) return undefined
  let [answered, failed] = [0, 0]
  let first: UnknownReason | undefined
  let thrown: UnknownReason | undefined
  let timer: NodeJS.Timeout | undefined
  const { promise, resolve } = deferred<ObservedBulkResult>()
  const endAs = (abandoned: boolean): void => {
    clearTimeout(timer)
    const error = thrown ?? (answered === 0 ? first : undefined)
    resolve({ failed, ...error !== undefined && { error }, ...abandoned && { abandoned } })
  }
  const count = (addresses: number, answer: ProviderAnswer): void => {
    if (addresses === 0) return
    if (answer.verdict !== 'unknown' || answer.reason === 'no_data') answered += addresses
    else {
      failed += addresses
      first ??= answer.reason
    }
  }
  const end = (): void => endAs(false)
  observe({ ...calledBy(provider), ...asked }, () => promise)
  signal.addEventListener('abort', end, { once: true })
  return {
    row (answer) {
      count(1, answer)
      timer = setTimeout(endAs, abandonedMs, true)
      timer.unref()
    },
    taken () { clearTimeout(timer) },
    missing: count,
    threw (reason) { thrown = reason },
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
