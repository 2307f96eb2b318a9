import { parentPort, workerData } from 'node:worker_threads'
import { type RefreshJob, runRefreshJob } from './refresh-job.ts'

/** The body of the thread that pulls. What it rejects with reaches the `error` event of the thread. */
parentPort!.postMessage(await runRefreshJob(workerData as RefreshJob))
