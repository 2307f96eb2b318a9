import type { Worker } from 'node:worker_threads'
import type { IpRiskLogger } from '../../../types/contract.ts'
import { failureState } from '../../util/index.ts'
import { startThread } from '../thread.ts'
import { isPullDue, lockPull, readPullState, writePullState } from './pull-state.ts'
import type { RefreshJob, RefreshResult } from './refresh-job.ts'

export interface RefreshOptions extends RefreshJob {
  /** Between two pulls. Up to a tenth is added at random. */
  readonly hours: number
  /** There is no snapshot of public lists that can be read: a pull from before this process does not count. */
  readonly lacksLists: boolean
  /** Longest wait before the first look whether a pull is due. Default one minute. */
  readonly firstMs?: number
  /** About so often it is looked whether a pull is due. Default ten minutes. */
  readonly checkMs?: number
}

/** Pulls the public lists while the process runs. */
interface Refresh {
  /** Whether the first look is still to come, or what it found due is under way. */
  readonly isFirstPull: boolean
  start (log: IpRiskLogger): void
  /** Gives up what is under way: nothing of it stays but lists that are whole. */
  close (): Promise<void>
}

/** Another process has the lock, or two asked for it at once. */
const LOCKED_MS = 60_000
/** The folder cannot be written, or the thread failed. */
const FAILED_MS = 3_600_000
const FIX = 'Let the process reach the publishers, or a "lists.mirror", and write to "lists.cacheFolder"; a list ' +
  'that is refused again and again can be left out by "lists.skip". "ip-risk lists pull" names each list and its cause'
/** Folders that this process pulls into: a process gets a lock twice. */
const pulling = new Set<string>()

/**
 * Looks again and again whether a pull is due, which any process or `ip-risk lists pull` may have done meanwhile: so
 * neither a suspended machine nor a clock that is set matters. Of the processes on one folder the one with its lock
 * pulls, in a thread of its own. Neither blocks the event loop nor keeps the process alive.
 */
export function createRefresh (options: RefreshOptions): Refresh {
  const { hours, lacksLists, firstMs = 60_000, checkMs = 600_000, ...job } = options
  const { cacheFolder } = job
  const spread = Math.random()
  const beganMs = Date.now()
  const failure = failureState(undefined, 0)
  let timer: NodeJS.Timeout | undefined
  let worker: Worker | undefined
  let current: Promise<void> = Promise.resolve()
  let isFirstPull = true
  let closed = false

  async function isDue (): Promise<boolean> {
    const state = await readPullState(cacheFolder)
    if (lacksLists && state !== undefined && state.endedAtMs < beganMs) return true
    return isPullDue(state, Date.now(), hours, spread)
  }

  function schedule (log: IpRiskLogger, afterMs: number): void {
    if (closed) return
    timer = setTimeout(() => { current = look(log).then(nextMs => schedule(log, nextMs)) }, afterMs)
    timer.unref()
  }

  /** Never rejects. Gives the time until the next look, different in each process. */
  async function look (log: IpRiskLogger): Promise<number> {
    const about = (ms: number): number => ms * (0.5 + Math.random())
    const due = await isDue()
    if (!due) isFirstPull = false
    if (!due || pulling.has(cacheFolder)) return about(checkMs)
    pulling.add(cacheFolder)
    try {
      const lock = await lockPull(cacheFolder)
      if ('heldBy' in lock) return about(Math.min(LOCKED_MS, checkMs))
      try {
        // Another process may have ended its pull just before.
        if (!closed && await isDue()) await pull(log)
      } finally {
        isFirstPull = false
        await lock.release()
      }
    } catch (error) {
      isFirstPull = false
      if (!closed) report(log, { err: error }, 'public lists could not be pulled; the data from before stay')
      // Without a state on the disk, only this keeps a process from asking the publishers again and again.
      return about(FAILED_MS)
    } finally {
      pulling.delete(cacheFolder)
    }
    return about(checkMs)
  }

  async function pull (log: IpRiskLogger): Promise<void> {
    let result: RefreshResult | undefined
    try {
      result = await runInWorker()
    } finally {
      const succeeded = result !== undefined && result.failed.length < result.lists
      if (!closed) writePullState(cacheFolder, { endedAtMs: Date.now(), succeeded })
    }
    if (result === undefined) return
    const { lists, failed } = result
    if (failed.length > 0) {
      const fields = { lists: failed.map(({ id }) => id), problem: failed[0]!.problem }
      report(log, fields, `${failed.length} of ${lists} public lists could not be pulled; those from before stay`)
    } else if (failure.recovered()) {
      log.info({ code: 'IP_RISK_LISTS_PULL_RECOVERED', lists }, 'ip-risk: all public lists are pulled again')
    }
  }

  function report (log: IpRiskLogger, fields: object, what: string): void {
    if (!failure.failed()) return
    log.warn({ code: 'IP_RISK_LISTS_PULL_FAILED', ...fields, cacheFolder }, `ip-risk: ${what}. ${FIX}`)
  }

  /** Rejects with what the job threw. Undefined: it was closed. */
  async function runInWorker (): Promise<RefreshResult | undefined> {
    const thread = worker = startThread('refresh', job)
    try {
      return await new Promise<RefreshResult | undefined>((resolve, reject) => {
        thread.once('message', resolve)
        thread.once('error', reject)
        thread.once('exit', code => {
          if (closed) resolve(undefined)
          else reject(new Error(`the pulling thread ended with code ${code}`))
        })
      })
    } finally {
      worker = undefined
    }
  }

  return {
    get isFirstPull () { return isFirstPull },
    start (log) {
      if (timer === undefined) schedule(log, Math.random() * firstMs)
    },
    async close () {
      closed = true
      clearTimeout(timer)
      await worker?.terminate()
      await current
    }
  }
}
