import { type AsnPackage, readAsnTable } from '../asn/database.ts'
import { rangesOf } from '../sources/list.ts'
import { type LeftOut, type ListSource, readSources } from '../sources/source.ts'
import { compileSnapshot } from './compile.ts'

/** All that a worker needs to make a snapshot; survives structured cloning. */
export interface CompileJob {
  readonly sources: readonly ListSource[]
  readonly covers: readonly string[]
  /** Read AS numbers from there. */
  readonly asnPackage?: AsnPackage
  /** Compare files with the access networks of this package. */
  readonly lintPackage?: AsnPackage | undefined
  /** As of `CompileOptions`. */
  readonly builtIn: boolean
  readonly nowSeconds: number
}
export interface CompileProgress { readonly step: string, readonly percent: number, readonly leftOut?: LeftOut }

export function runCompileJob (
  job: CompileJob, onProgress: (progress: CompileProgress) => void = () => {}
): Uint8Array {
  const lists = readSources('lists.sources', job.sources, {
    nowSeconds: job.nowSeconds,
    asnPackage: job.lintPackage,
    onLeftOut: leftOut => onProgress({ step: 'checking', percent: 0, leftOut })
  })
  const asnTable = job.asnPackage && readAsnTable(job.asnPackage, part =>
    onProgress({ step: 'reading AS numbers', percent: Math.round(part * 60) }))
  onProgress({ step: 'compiling', percent: asnTable ? 60 : 0 })
  const bytes = compileSnapshot(lists, {
    nowSeconds: job.nowSeconds,
    covers: rangesOf(job.covers),
    builtIn: job.builtIn,
    ...asnTable && { asnTable }
  })
  onProgress({ step: 'done', percent: 100 })
  return bytes
}
