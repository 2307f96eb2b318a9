import { badOption } from '../../errors.ts'
import { defaultCacheFolder, isMirror, type ListSource, publishers, rangesOf } from '../../lists/index.ts'
import { type HostnameOf, readHostnameOf } from './hostname-option.ts'
import {
  checkString, checkStrings, flag, int, type OptionsOf, readObject, real, type Specification
} from '../../util/index.ts'

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
   * `false`. With both, `sources` are asked first, and the snapshot where they have no answer.
   */
  readonly snapshot?: boolean | string | undefined
  /** Use the package `@ip-location-db/asn` where it is installed. Default true. */
  readonly asn?: boolean | undefined
  /**
   * Where snapshots and pulled lists are. Default `$XDG_CACHE_HOME/fastify-ip-risk`, else `~/.cache/fastify-ip-risk`;
   * for a user without a home folder, a folder of that user in the system's temporary folder.
   */
  readonly cacheFolder?: string | undefined
  /**
   * Pulls the public lists in this process, as `ip-risk lists pull` does: within a minute of the start where the last
   * pull is older, and then every so many hours, 1 to 24, with up to a tenth added at random. Of the processes on one
   * `cacheFolder` one pulls, in a thread. Default: never; then `ip-risk lists pull` is to run daily. Needs `watch` and
   * `snapshot: true`.
   */
  readonly refreshHours?: number | undefined
  /**
   * With `refreshHours`: fetches `<mirror>/<host>/<path>` instead of each publisher's `https://<host>/<path>`. An http
   * or https URL without a query.
   */
  readonly mirror?: string | undefined
  /** With `refreshHours`: ids of public lists that are neither fetched nor compiled. Default none. */
  readonly skip?: readonly string[] | undefined
  /**
   * The name that an address has by reverse DNS (a PTR record, RFC 1035), where the application knows it already, else
   * undefined. Called for each lookup, so it must answer at once; nothing here resolves names. The name of a VPN, a
   * proxy or a hoster is evidence, and no name is evidence against one. Where it throws or gives something else, there
   * is no name, and it is logged once (`IP_RISK_HOSTNAME_FAILED`). Default: no names.
   */
  readonly hostnameOf?: ((ip: string) => string | undefined) | undefined
  /** Loads files anew when they change. Default true. */
  readonly watch?: boolean | undefined
  /** Milliseconds between two looks at the files, 10 to 86,400,000. Default 2,000. */
  readonly watchIntervalMs?: number | undefined
}

const specification = {
  sources (path, given) {
    if (given !== undefined && !Array.isArray(given)) throw badOption(path, 'must be an array of sources')
    return given as readonly ListSource[] | undefined
  },
  covers (path, given) {
    const covers = checkStrings(path, given)
    covers.forEach((text, i) => {
      try {
        rangesOf([text])
      } catch (cause) {
        throw badOption(`${path}[${i}]`, `is wrong: ${(cause as Error).message}`, cause)
      }
    })
    return covers
  },
  snapshot (path, given) {
    if (given === undefined || typeof given === 'boolean' || (typeof given === 'string' && given !== '')) return given
    throw badOption(path, 'must be true, false or the path of a snapshot')
  },
  asn: flag(true),
  cacheFolder (path, given) {
    const folder = checkString(path, given, undefined)
    if (folder === '') throw badOption(path, 'must be a non-empty string: leave it out for the default folder')
    return folder ?? defaultCacheFolder()
  },
  refreshHours: real(1, 24, undefined),
  mirror (path, given) {
    const mirror = checkString(path, given, undefined)
    if (mirror === undefined || isMirror(mirror)) return mirror
    throw badOption(path, 'must be an http or https URL without a query')
  },
  skip (path, given) {
    const skip = checkStrings(path, given)
    skip.forEach((id, i) => {
      if (publishers.some(list => list.id === id)) return
      throw badOption(`${path}[${i}]`, `is no public list: use some of ${publishers.map(list => list.id).join(', ')}`)
    })
    return skip
  },
  watch: flag(true),
  watchIntervalMs: int(10, 86_400_000, 2000),
  hostnameOf: readHostnameOf
} satisfies Specification<ListsOptions>

interface RefreshSettings {
  readonly hours: number
  readonly mirror: string | undefined
  readonly skip: readonly string[]
}

interface ListsSettings {
  readonly sources: readonly ListSource[] | undefined
  readonly covers: readonly string[]
  readonly snapshot: boolean | string
  readonly asn: boolean
  readonly cacheFolder: string
  /** Undefined: files are not watched. */
  readonly watchIntervalMs: number | undefined
  /** Undefined: this process does not pull. */
  readonly refresh: RefreshSettings | undefined
  readonly hostnameOf: HostnameOf | undefined
}

/** Throws an `IpRiskError` that names the option. */
export function readListsOptions (options: ListsOptions | undefined): ListsSettings {
  const given = readObject('lists', options, specification)
  const { sources, covers, snapshot = sources === undefined, asn, cacheFolder, watch, watchIntervalMs } = given
  if (covers.length > 0 && sources === undefined) {
    throw badOption('lists.covers', 'says what sources cover: give sources too')
  }
  if (sources === undefined && snapshot === false) {
    throw badOption('lists.snapshot', 'is false, and there are no sources: give one of them')
  }
  return {
    sources,
    covers,
    snapshot,
    asn,
    cacheFolder,
    watchIntervalMs: watch ? watchIntervalMs : undefined,
    refresh: refreshSettings(given, snapshot),
    hostnameOf: given.hostnameOf
  }
}

function refreshSettings (
  { refreshHours: hours, mirror, skip, watch }: OptionsOf<typeof specification>, snapshot: boolean | string
): RefreshSettings | undefined {
  if (hours === undefined) {
    const without = mirror !== undefined ? 'mirror' : skip.length > 0 ? 'skip' : undefined
    if (without === undefined) return undefined
    throw badOption(`lists.${without}`, 'says how this process pulls the public lists: give refreshHours too')
  }
  if (snapshot !== true) {
    throw badOption('lists.refreshHours', 'pulls into the cache folder, which is not read: set snapshot to true')
  }
  if (!watch) {
    throw badOption('lists.refreshHours', 'has no effect with watch: false, which keeps what was loaded first')
  }
  return { hours, mirror, skip }
}
