import { readFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import type { IpRiskLogger, ProviderAnswer } from '../../../types/contract.ts'
import { badOption } from '../../errors.ts'
import { replaceFile } from '../../util/index.ts'
import type { AsnPackage } from '../asn/database.ts'
import { type CompileJob, runCompileJob } from '../compile/compile-job.ts'
import { createRefresh, type RefreshOptions } from '../refresh/refresh.ts'
import { type LeftOut, type ListSource, readSources } from '../sources/source.ts'
import { type DataAge, dataAgeOf } from './data-age.ts'
import type { HostnameKind } from './hostname.ts'
import { fileState, type LiveDatabase, liveDatabase, watchFiles } from './live-database.ts'
import { asnSnapshotPath, findSnapshot, type FoundSnapshot, listsSnapshotPath } from './snapshot-files.ts'
import { decodeSnapshot } from './snapshot.ts'

/** A part of what `lists()` knows. */
export interface Part {
  /** `name`: what the address's name by reverse DNS says. */
  answer (ip: string, name?: HostnameKind): ProviderAnswer
  /** Of what is in memory now. */
  readonly dataAge: DataAge | undefined
  /** Whether there are none yet, and they are being compiled or pulled. */
  readonly isLoading: boolean
  /** Watches files, says what is missing. Called once. */
  start (log: IpRiskLogger): void
  close (): Promise<void>
}

interface SnapshotPartOptions {
  /** A file that must be there; undefined: what the cache folder or the package of AS numbers has. */
  readonly path?: string
  /** What was found already; undefined: looked for here. */
  readonly found?: FoundSnapshot
  readonly cacheFolder: string
  /** What to compile where the cache folder has nothing. */
  readonly asnPackage: AsnPackage | undefined
  /** Undefined: files are not watched. */
  readonly watchIntervalMs: number | undefined
  /** Pull the public lists into the cache folder while the process runs. Files must be watched. */
  readonly refresh?: Omit<RefreshOptions, 'cacheFolder' | 'asnPackage' | 'lacksLists'> | undefined
}

/** How users get data, logged once at boot. */
const NO_DATA_HINT = 'ip-risk: there are no data, so every address but Cloudflare\'s is "unknown", reason "no_data". ' +
  'Run "npx ip-risk lists pull" (public lists), or "npm install @ip-location-db/asn" (networks; compiled at the next ' +
  'start)'

/** The compiled public lists, else what the package of AS numbers gives, else scopes and Cloudflare's ranges. */
export function snapshotPart (options: SnapshotPartOptions): Part {
  const { path, cacheFolder, asnPackage, watchIntervalMs } = options
  const watched = path ?? listsSnapshotPath(cacheFolder)
  const before = [fileState(watched)]
  // The bytes are the database's alone: what `start` kept of them would outlive every swap.
  const { bytes, problems } = options.found ?? (path === undefined
    ? findSnapshot(cacheFolder, asnPackage)
    : { bytes: readGiven(path), problems: [] })
  const hasData = bytes !== undefined
  const database = liveDatabase(bytes ?? runCompileJob(jobNow()))
  const lacksLists = dataAgeOf(database.current.snapshot.meta)?.oldAfterSeconds === undefined
  const refresh = options.refresh && createRefresh({ ...options.refresh, cacheFolder, asnPackage, lacksLists })
  let unwatch = (): void => {}
  let reloaded: Promise<void> = Promise.resolve()

  function compileNetworks (asnPackage: AsnPackage, log: IpRiskLogger): void {
    log.info({ asnSource: asnPackage.source, cacheFolder }, 'ip-risk: compiling AS numbers in the background, once; ' +
      'addresses are "unknown" until then')
    database.compile({ ...jobNow(), asnPackage }, log, bytes => {
      try {
        replaceFile(asnSnapshotPath(cacheFolder), bytes)
      } catch (error) {
        log.warn({ code: 'IP_RISK_CACHE_FOLDER_UNWRITABLE', err: error, cacheFolder },
          'ip-risk: the compiled AS numbers cannot be kept, and will be compiled anew at each start: let the process ' +
          'write to "lists.cacheFolder"')
      }
    })
  }

  /** Never rejects. */
  async function reload (log: IpRiskLogger): Promise<void> {
    try {
      database.swap(await readFile(watched))
      log.info({ path: watched }, 'ip-risk: the new snapshot of lists is in use')
    } catch (error) {
      log.error({ code: 'IP_RISK_SNAPSHOT_UNUSABLE', err: error, path: watched },
        'ip-risk: the new snapshot of lists cannot be used; the one before stays. Run "ip-risk lists pull" again')
    }
  }

  return {
    answer: (ip, name) => answerOf(database, ip, name),
    get dataAge () { return dataAgeOf(database.current.snapshot.meta) },
    get isLoading () {
      return this.dataAge === undefined && (database.isCompiling || refresh?.isFirstPull === true)
    },
    start (log) {
      database.start(log)
      for (const error of problems) {
        log.warn({ code: 'IP_RISK_SNAPSHOT_UNUSABLE', err: error }, 'ip-risk: a snapshot in the cache folder cannot ' +
          'be used: run "ip-risk lists pull" again')
      }
      if (!hasData) {
        if (asnPackage !== undefined) compileNetworks(asnPackage, log)
        else if (refresh === undefined) log.warn({ code: 'IP_RISK_LISTS_MISSING', cacheFolder }, NO_DATA_HINT)
      }
      if (watchIntervalMs !== undefined) {
        // One after the other: of two reads on a slow volume, the earlier might end last, and its snapshot stay.
        unwatch = watchFiles([watched], before, () => { reloaded = reloaded.then(() => reload(log)) }, watchIntervalMs)
      }
      refresh?.start(log)
    },
    async close () {
      unwatch()
      await Promise.all([refresh?.close(), database.close()])
    }
  }
}

function answerOf ({ current }: LiveDatabase, ip: string, name: HostnameKind | undefined): ProviderAnswer {
  return name === undefined ? current.answer(ip) : current.answerNamed(ip, name)
}

function jobNow (): CompileJob {
  return { sources: [], covers: [], builtIn: true, nowSeconds: Math.floor(Date.now() / 1000) }
}

function readGiven (path: string): Uint8Array {
  try {
    const bytes = readFileSync(path)
    decodeSnapshot(bytes)
    return bytes
  } catch (cause) {
    const fix = '"ip-risk lists pull" makes one'
    throw badOption('lists.snapshot', `cannot be used: ${(cause as Error).message}; ${fix}`, cause)
  }
}

export interface SourcesPartOptions {
  readonly sources: readonly ListSource[]
  readonly covers: readonly string[]
  /** Without a snapshot beneath: scopes and Cloudflare's ranges are answered here. */
  readonly builtIn: boolean
  /** Where AS numbers in the sources are looked up. */
  readonly asnPackage: AsnPackage | undefined
  /** Undefined: files are not watched. */
  readonly watchIntervalMs: number | undefined
}

/**
 * The application's own lists: compiled at once, so that the first request has them; a changed file is compiled in a
 * thread.
 */
export function sourcesPart ({ sources, covers, builtIn, asnPackage, watchIntervalMs }: SourcesPartOptions): Part {
  const first = jobNow()
  const files = sources.flatMap(source => typeof source === 'object' && source !== null && 'path' in source
    ? [String(source.path)]
    : [])
  const before = files.map(fileState)
  const { nowSeconds } = first
  const namesNetworks = readSources('lists.sources', sources, { nowSeconds }).some(list => list.asns.length > 0)
  const leftOut: LeftOut[] = []
  const database = liveDatabase(runCompileJob(first, progress => {
    if (progress.leftOut !== undefined) leftOut.push(progress.leftOut)
  }))
  let unwatch = (): void => {}

  function jobNow (): CompileJob {
    return { sources, covers, builtIn, lintPackage: asnPackage, nowSeconds: Math.floor(Date.now() / 1000) }
  }

  function compile (log: IpRiskLogger): void {
    database.compile({ ...jobNow(), ...namesNetworks && asnPackage && { asnPackage } }, log)
  }

  return {
    answer: (ip, name) => answerOf(database, ip, name),
    get dataAge () { return dataAgeOf(database.current.snapshot.meta) },
    get isLoading () { return database.isCompiling && this.dataAge === undefined },
    start (log) {
      database.start(log)
      for (const one of leftOut) database.warnLeftOut(one, log)
      if (namesNetworks && asnPackage !== undefined) compile(log)
      else if (namesNetworks) {
        log.warn({ code: 'IP_RISK_ASN_DATA_MISSING' }, 'ip-risk: AS numbers in lists.sources say nothing without AS ' +
          'data: npm install @ip-location-db/asn')
      }
      if (watchIntervalMs !== undefined) unwatch = watchFiles(files, before, () => compile(log), watchIntervalMs)
    },
    async close () {
      unwatch()
      await database.close()
    }
  }
}
