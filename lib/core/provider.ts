import type { EngineOptions, IpRiskLogger, Provider } from '../../types/contract.ts'
import { checkProvider } from '../options/index.ts'
import { lists } from '../providers/lists/index.ts'
import { createPipelines, type ProviderPipelines, watchLateness } from '../resilience/index.ts'
import { membersOf } from '../verdict/index.ts'

export type { ProviderPipelines }

/** The provider of the options; without one, the embedded lists. Throws an `IpRiskError`. */
export function readProvider (given: EngineOptions['provider']): Provider {
  return given === undefined ? lists() : checkProvider('provider', given)
}

/**
 * Starts the provider and its members. If that fails, what is open is closed, and the first error is thrown.
 * `closeFleet` closes what was opened before.
 */
export function runProvider (
  provider: Provider, deps: Parameters<typeof createPipelines>[1], now: () => number, closeFleet: () => unknown
): ProviderPipelines {
  const start = (provider: Provider, log: IpRiskLogger): void => {
    provider.start?.(log)
    for (const member of membersOf(provider)) start(member, log)
  }
  let pipelines: ProviderPipelines | undefined
  try {
    pipelines = createPipelines(provider, deps)
    start(provider, deps.log)
  } catch (err) {
    pipelines?.close().catch(() => {})
    closeFleet()
    throw err
  }
  return provider.sync === true
    ? pipelines
    : { ...pipelines, ask: watchLateness(pipelines.ask, provider.name, deps.log, now) }
}
