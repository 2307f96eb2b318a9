import type { IpRiskLogger } from '../../types/contract.ts'
import type { AsnPackage } from './asn-database.ts'
import { type CompileJob, runCompileJob } from './compile-job.ts'
import { liveDatabase } from './live-database.ts'
import type { Part } from './part.ts'
import { fileState, watchFiles } from './watch-files.ts'
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
  const files = sources.flatMap(source => typeof source === 'object' && source !== null && 'path' in source ? [String(source.path)] : [])
  const before = files.map(fileState)
  const namesNetworks = readSources('lists.sources', sources, first.nowSeconds).some(list => list.asns.length > 0)
  const database = liveDatabase(runCompileJob(first))
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
      else if (namesNetworks) {
        log.warn({ code: 'IP_RISK_ASN_DATA_MISSING' }, 'ip-risk: AS numbers in lists.sources say nothing without AS data: npm install @ip-location-db/asn')
      }
      if (watchIntervalMs !== undefined) unwatch = watchFiles(files, before, () => compile(log), watchIntervalMs)
    },
    async close () {
      unwatch()
      await database.close()
    }
  }
}
