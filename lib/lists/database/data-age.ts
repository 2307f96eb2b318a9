import { publishers } from '../sources/publishers.ts'
import type { SnapshotMeta } from './snapshot.ts'

/** How old the data of a provider are. */
export interface DataAge {
  /** Unix milliseconds. */
  readonly builtAtMs: number
  /** Age from which they are reported as old. Absent: never. */
  readonly oldAfterSeconds?: number
}

/** `ip-risk lists pull` is to run daily: two runs in a row were missed, or reached no publisher. */
const PULLED_OLD_AFTER_SECONDS: number = 2 * 86_400

const published: ReadonlySet<string> = new Set(publishers.map(({ id }) => id))

/**
 * The newest of the public lists counts, and not when it was compiled: compiling again makes nothing new. Other data
 * are as old as their compilation. Undefined where there are none but what comes with the package.
 */
export function dataAgeOf ({ lists, asnSource, createdSeconds }: SnapshotMeta): DataAge | undefined {
  const own = lists.filter(({ builtIn }) => builtIn !== true)
  const pulled = own.filter(({ id }) => published.has(id)).map(({ dateSeconds }) => dateSeconds)
  if (pulled.length > 0) {
    return { builtAtMs: Math.max(...pulled) * 1000, oldAfterSeconds: PULLED_OLD_AFTER_SECONDS }
  }
  return own.length === 0 && asnSource === undefined ? undefined : { builtAtMs: createdSeconds * 1000 }
}
