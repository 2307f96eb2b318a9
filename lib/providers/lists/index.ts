import type { IpRiskLogger, LookupContext, Provider, ProviderAnswer } from '../../../types/contract.ts'
import { badOption } from '../../errors.ts'
import { checkRefresh, type RefreshSettings } from './refresh-options.ts'
import {
  defaultCacheFolder, findAsnPackage, type ListSource, NO_DATA, type Part, rangesOf, snapshotPart, sourcesPart
} from '../../lists/index.ts'
import { checkBoolean, checkNumber, checkObject, checkString, checkStrings } from '../../util/index.ts'

/** The options of `lists`. None of them is needed. */
export interface ListsOptions {
  /** Your own lists, inline or files. Omitted: the snapshot alone. */
  readonly sources?: readonly ListSource[] | undefined
  /**
   * Addresses and CIDRs that `sources` are known to cover: what no source names there is `clean`, elsewhere `unknown`.
   */
  readonly covers?: readonly string[] | undefined
  /**
   * The compiled public lists and AS numbers: the path of a snapshot, or `true` for what is in the cache folder (made
   * by `ip-risk lists pull`, else compiled from `@ip-location-db/asn`). Default `true` without `sources`, else
   * `false`. With both, an address is asked of `sources` first, and of the snapshot where they say nothing.
   */
  readonly snapshot?: boolean | string | undefined
  /** Use the package `@ip-location-db/asn` where it is installed. Default true. */
  readonly asn?: boolean | undefined
  /**
   * Default `$XDG_CACHE_HOME/fastify-ip-risk`, else `~/.cache/fastify-ip-risk`, else one a user in the system's
   * temporary folder.
   */
  readonly cacheFolder?: string | undefined
  /**
   * Pulls the public lists in this process, as `ip-risk lists pull` does: at the start where the last pull is older,
   * and then every so many hours, 1 to 24, with up to a tenth added at random. Of the processes on one `cacheFolder`
   * one pulls, in a thread. Default: never; then `ip-risk lists pull` is to run daily. Needs `watch` and
   * `snapshot: true`.
   */
  readonly refreshHours?: number | undefined
  /** With `refreshHours`: fetches `<mirror>/<host>/<path>` instead of each publisher's `https://<host>/<path>`. */
  readonly mirror?: string | undefined
  /** With `refreshHours`: ids of public lists that are neither fetched nor compiled. Default none. */
  readonly skip?: readonly string[] | undefined
  /** Loads files anew when they change. Default true. */
  readonly watch?: boolean | undefined
  /** How often files are looked at. Default 2 000. */
  readonly watchIntervalMs?: number | undefined
}

/**
 * Embedded and offline: a verdict at once, from lists in memory. Throws `IpRiskError` where an option or a file is
 * wrong.
 */
export function lists (options?: ListsOptions): Provider {
  const { sources, covers, snapshot, asn, watchIntervalMs, ...kept } = checkListsOptions(options)
  const asnPackage = asn ? findAsnPackage() : undefined
  const parts: Part[] = [
    ...sources === undefined
      ? []
      : [sourcesPart({ sources, covers, builtIn: snapshot === false, asnPackage, watchIntervalMs })],
    ...snapshot === false
      ? []
      : [snapshotPart({ ...snapshot !== true && { path: snapshot }, ...kept, asnPackage, watchIntervalMs })]
  ]
  return providerOfParts(parts)
}

/** Asks one after the other, until one knows something. */
export function providerOfParts (parts: readonly Part[]): Provider {
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
    for (const part of parts) {
      const answer = part.answer(ip)
      if (answer !== NO_DATA) return answer
    }
    return NO_DATA
  }

  return {
    name: 'lists',
    sync: true,
    get dataBuiltAtMs () { return age()?.builtAtMs },
    get dataIsLoading () { return parts.at(-1)?.isLoading === true },
    get dataOldAfterSeconds () { return age()?.oldAfterSeconds },
    start,
    lookup,
    async close () {
      await Promise.all(parts.map(part => part.close()))
    }
  }
}

interface Settings {
  readonly sources: readonly ListSource[] | undefined
  readonly covers: readonly string[]
  readonly snapshot: boolean | string
  readonly asn: boolean
  readonly cacheFolder: string
  /** Undefined: files are not watched. */
  readonly watchIntervalMs: number | undefined
  readonly refresh: RefreshSettings | undefined
}

function checkListsOptions (given: ListsOptions | undefined): Settings {
  const options = checkObject<ListsOptions>('lists', given, [
    'sources', 'covers', 'snapshot', 'asn', 'cacheFolder', 'refreshHours', 'mirror', 'skip', 'watch',
    'watchIntervalMs'
  ])
  const { sources, snapshot = sources === undefined } = options
  if (sources !== undefined && !Array.isArray(sources)) throw badOption('lists.sources', 'must be an array of sources')
  const covers = checkStrings('lists.covers', options.covers)
  covers.forEach((text, i) => {
    try {
      rangesOf([text])
    } catch (cause) {
      throw badOption(`lists.covers[${i}]`, `is wrong: ${(cause as Error).message}`, cause)
    }
  })
  if (covers.length > 0 && sources === undefined) {
    throw badOption('lists.covers', 'says what sources cover: give sources too')
  }
  if (typeof snapshot !== 'boolean' && (typeof snapshot !== 'string' || snapshot === '')) {
    throw badOption('lists.snapshot', 'must be true, false or the path of a snapshot')
  }
  if (sources === undefined && snapshot === false) {
    throw badOption('lists.snapshot', 'is false, and there are no sources: give one of them')
  }
  const watch = checkBoolean('lists.watch', options.watch, true)
  const watchIntervalMs = checkNumber(
    'lists.watchIntervalMs', options.watchIntervalMs, 2000, { min: 10, max: 86_400_000 }
  )
  return {
    sources,
    covers,
    snapshot,
    asn: checkBoolean('lists.asn', options.asn, true),
    cacheFolder: checkString('lists.cacheFolder', options.cacheFolder, undefined) ?? defaultCacheFolder(),
    watchIntervalMs: watch ? watchIntervalMs : undefined,
    refresh: checkRefresh(options, snapshot, watch)
  }
}

export type { FileSource, InlineSource, ListSource } from '../../lists/index.ts'
