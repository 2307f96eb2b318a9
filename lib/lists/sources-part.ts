import type { IpRiskLogger } from '../../types/contract.ts'
import type { AsnPackage } from './asn-database.ts'
import { type CompileJob, runCompileJob } from './compile-job.ts'
import { liveDatabase } from './live-database.ts'
import type { Part } from './part.ts'
import { watchFiles } from './reload.ts'
import { type ListSource, readSources } from './source.ts'

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

/** The application's own lists: compiled at once, so that the first request has them; a changed file is compiled in a thread. */
export function sourcesPart ({ sources, covers, builtIn, asnPackage, watchIntervalMs }: SourcesPartOptions): Part {
  const first = jobNow()
  const namesNetworks = readSources('lists.sources', sources, first.nowSeconds).some(list => list.asns.length > 0)
  const database = liveDatabase(runCompileJob(first))
  const files = sources.flatMap(source => 'path' in source ? [source.path] : [])
  let unwatch = (): void => {}

  function jobNow (): CompileJob {
    return { sources, covers, builtIn, nowSeconds: Math.floor(Date.now() / 1000) }
  }

  function compile (log: IpRiskLogger): void {
    database.compile({ ...jobNow(), ...namesNetworks && asnPackage && { asnPackage } }, log)
  }

  return {
    answer: ip => database.current.answer(ip),
    start (log) {
      database.start(log)
      if (namesNetworks && asnPackage !== undefined) compile(log)
      else if (namesNetworks) log.warn({}, 'ip-risk: AS numbers in lists.sources say nothing without AS data: npm install @ip-location-db/asn')
      if (watchIntervalMs !== undefined) unwatch = watchFiles(files, () => compile(log), watchIntervalMs)
    },
    async close () {
      unwatch()
      await database.close()
    }
  }
}
