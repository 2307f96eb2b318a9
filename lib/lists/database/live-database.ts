import { type Stats, statSync } from 'node:fs'
import { stat } from 'node:fs/promises'
import type { IpRiskLogger } from '../../../types/contract.ts'
import { ageText } from '../../util/index.ts'
import type { CompileJob, CompileProgress } from '../compile/compile-job.ts'
import { dataAgeOf } from './data-age.ts'
import type { LeftOut } from '../sources/source.ts'
import { startThread } from '../thread.ts'
import { type Database, openDatabase } from './database.ts'
import { staleLists } from './snapshot-files.ts'

/**
 * Which file it is, and in which state; empty where none can be seen. Reading does not change it, replacing by renaming
 * does.
 */
export function fileState (path: string): string {
  try {
    return stateOf(statSync(path))
  } catch {
    return ''
  }
}

function stateOf ({ ino, size, mtimeMs, ctimeMs }: Stats): string {
  return `${ino} ${size} ${mtimeMs} ${ctimeMs}`
}

/**
 * Calls `changed` when one of the files is another one than `before` (taken before the files were read, so that no
 * change is missed); a file that does not exist yet may appear, a vanished one is ignored. Asks the file system each
 * interval, which also works on network volumes. Neither blocks the event loop nor keeps the process alive; gives the
 * function that ends it.
 */
export function watchFiles (
  paths: readonly string[], before: readonly string[], changed: () => void, intervalMs: number
): () => void {
  const states = [...before]
  let isLooking = false
  let ended = false

  async function look (): Promise<void> {
    if (isLooking) return
    isLooking = true
    const now = await Promise.all(paths.map(path => stat(path).then(stateOf, () => '')))
    isLooking = false
    const others = now.flatMap((state, i) => state !== '' && state !== states[i] ? [i] : [])
    for (const i of others) states[i] = now[i]!
    if (others.length > 0 && !ended) changed()
  }

  const timer = setInterval(look, intervalMs)
  timer.unref()
  return () => {
    ended = true
    clearInterval(timer)
  }
}

/** A compilation under way in a thread of its own. `stop` ends it; the promise then never settles. */
interface Compilation { readonly done: Promise<Uint8Array>, stop (): Promise<void> }

/** Neither blocks the event loop nor keeps the process alive. Rejects with what the job threw. */
export function compileInWorker (job: CompileJob, onProgress: (progress: CompileProgress) => void): Compilation {
  const worker = startThread('compile', job)
  let stopped = false
  const done = new Promise<Uint8Array>((resolve, reject) => {
    worker.on('message', (message: CompileProgress | Uint8Array) => {
      if (message instanceof Uint8Array) resolve(message)
      else onProgress(message)
    })
    worker.once('error', reject)
    worker.once('exit', code => { if (!stopped) reject(new Error(`the compiling thread ended with code ${code}`)) })
  })
  return {
    done,
    async stop () {
      stopped = true
      await worker.terminate()
    }
  }
}

/** A database that is replaced while it answers: the next one is made beside it and takes its place in one step. */
export interface LiveDatabase {
  /** Read it anew for each question. */
  readonly current: Database & { refresh (): void }
  /** Whether a compilation is under way. */
  readonly isCompiling: boolean
  /** A compilation that is under way is given up. Throws `BadSnapshot`, and keeps the one before. */
  swap (bytes: Uint8Array): void
  /**
   * In a thread; a compilation that is under way is given up for the newer one. Failures are logged, and the one before
   * stays.
   */
  compile (job: CompileJob, log: IpRiskLogger, done?: (bytes: Uint8Array) => void): void
  /** Logs what the check of a file left out, once. */
  warnLeftOut (leftOut: LeftOut, log: IpRiskLogger): void
  /** From now on, logs each list that is past its half-life once. */
  start (log: IpRiskLogger): void
  close (): Promise<void>
}

const HOUR_MS = 3_600_000

export function liveDatabase (
  initial: Uint8Array, now: () => number = Date.now, refreshMs: number = HOUR_MS
): LiveDatabase {
  let current = openDatabase(initial, now)
  let startedLog: IpRiskLogger | undefined
  let compilation: Compilation | undefined
  let timer: NodeJS.Timeout | undefined
  const logged = new Set<string>()
  let loggedOld = false

  function isNew (key: string): boolean {
    if (logged.has(key)) return false
    logged.add(key)
    return true
  }

  /** What the age of the data says: lists past their half-life, and pulled ones that nobody renews. */
  function warnOfAge (): void {
    if (startedLog === undefined) return
    const { meta } = current.snapshot
    for (const { id, ageDays, halfLifeDays } of staleLists(meta, now())) {
      if (!isNew(`${id} ${ageDays - ageDays % halfLifeDays}`)) continue
      startedLog.warn({ code: 'IP_RISK_LIST_STALE', list: id, ageDays, halfLifeDays },
        'ip-risk: a list is past its half-life and counts less and less: renew it ("ip-risk lists pull" for public ' +
        'lists)')
    }
    const age = dataAgeOf(meta)
    const ageSeconds = age === undefined ? 0 : Math.floor((now() - age.builtAtMs) / 1000)
    const isOld = age?.oldAfterSeconds !== undefined && ageSeconds > age.oldAfterSeconds
    // Again after they were renewed and became old anew.
    if (isOld && !loggedOld) {
      startedLog.warn({ code: 'IP_RISK_LISTS_OLD', ageSeconds, oldAfterSeconds: age.oldAfterSeconds },
        `ip-risk: the public lists are ${ageText(ageSeconds)} old, so new VPN servers are not recognized: run ` +
        '"ip-risk lists pull" daily, or set "lists.refreshHours"')
    }
    loggedOld = isOld
  }

  function warnLeftOut ({ list, remarks }: LeftOut, log: IpRiskLogger): void {
    if (!isNew(`${list}: ${remarks.join()}`)) return
    log.warn({ code: 'IP_RISK_LIST_ROWS_LEFT_OUT', list, remarks },
      'ip-risk: rows of a file in lists.sources are left out, and the others count less: fix the file, or set lint: ' +
      'false to obey every row')
  }

  function use (bytes: Uint8Array): void {
    current = openDatabase(bytes, now)
    warnOfAge()
  }

  /** What its thread has sent already still arrives afterwards: it is no longer the one that counts. */
  async function giveUp (): Promise<void> {
    const last = compilation
    compilation = undefined
    await last?.stop()
  }

  return {
    get current () { return current },
    warnLeftOut,
    get isCompiling () { return compilation !== undefined },
    swap (bytes) {
      use(bytes)
      giveUp()
    },
    compile (job, log, done) {
      giveUp()
      const mine = compilation = compileInWorker(job, ({ leftOut, ...progress }) => {
        if (leftOut === undefined) log.debug(progress, 'ip-risk: compiling lists')
        else warnLeftOut(leftOut, log)
      })
      mine.done.then(bytes => {
        if (compilation !== mine) return
        done?.(bytes)
        use(bytes)
        log.info({ lists: job.sources.length, asnSource: job.asnPackage?.source }, 'ip-risk: compiled lists are in use')
      }).catch((error: unknown) => {
        if (compilation === mine) {
          log.error({ code: 'IP_RISK_LISTS_UNUSABLE', err: error }, 'ip-risk: lists could not be compiled; those ' +
            'before stay in use. Fix the list that the error names')
        }
      }).finally(() => {
        if (compilation === mine) compilation = undefined
      })
    },
    start (log) {
      startedLog = log
      warnOfAge()
      timer ??= setInterval(() => {
        current.refresh()
        warnOfAge()
      }, refreshMs).unref()
    },
    async close () {
      clearInterval(timer)
      await giveUp()
    }
  }
}
