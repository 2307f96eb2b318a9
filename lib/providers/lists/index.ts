import type { IpRiskLogger, LookupContext, Provider, ProviderAnswer } from '../../../types/contract.ts'
import { findAsnPackage, NO_DATA, type Part, snapshotPart, sourcesPart } from '../../lists/index.ts'
import type { HostnameOf } from './hostname-option.ts'
import { type ListsOptions, readListsOptions } from './options.ts'

export type { ListsOptions } from './options.ts'
export type { FileSource, InlineSource, ListSource } from '../../lists/index.ts'

/**
 * Embedded and offline: a verdict at once, from lists in memory. Throws `IpRiskError` where an option or a file is
 * wrong.
 */
export function lists (options?: ListsOptions): Provider {
  const { sources, covers, snapshot, asn, watchIntervalMs, hostnameOf, ...kept } = readListsOptions(options)
  const asnPackage = asn ? findAsnPackage() : undefined
  const parts: Part[] = [
    ...sources === undefined
      ? []
      : [sourcesPart({ sources, covers, builtIn: snapshot === false, asnPackage, watchIntervalMs })],
    ...snapshot === false
      ? []
      : [snapshotPart({ ...snapshot !== true && { path: snapshot }, ...kept, asnPackage, watchIntervalMs })]
  ]
  return providerOfParts(parts, hostnameOf)
}

/** Asks one after the other, until one has an answer. The name is added to the evidence of the last one. */
export function providerOfParts (parts: readonly Part[], hostnameOf?: HostnameOf): Provider {
  let started = false

  /** The snapshot is last. What sources say is as old as the operator wants. */
  const age = (): Part['dataAge'] => parts.at(-1)?.dataAge

  function start (log: IpRiskLogger): void {
    if (started) return
    started = true
    for (const part of parts) part.start(log)
  }

  function lookup (ip: string, { log }: LookupContext): ProviderAnswer {
    if (!started) start(log)
    for (let i = 0; i < parts.length - 1; i++) {
      const answer = parts[i]!.answer(ip)
      if (answer !== NO_DATA) return answer
    }
    return parts.at(-1)!.answer(ip, hostnameOf?.(ip, log))
  }

  return {
    name: 'lists',
    sync: true,
    get dataBuiltAtMs () { return age()?.builtAtMs },
    get dataIsLoading () { return parts.at(-1)?.isLoading === true },
    get dataIsMissing () { return age() === undefined && !this.dataIsLoading },
    get dataOldAfterSeconds () { return age()?.oldAfterSeconds },
    start,
    lookup,
    async close () {
      await Promise.all(parts.map(part => part.close()))
    }
  }
}
