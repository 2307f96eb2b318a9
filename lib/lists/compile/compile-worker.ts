import { parentPort, workerData } from 'node:worker_threads'
import { type CompileJob, runCompileJob } from './compile-job.ts'

/** The body of the thread that `compileInWorker` starts. */
const bytes = runCompileJob(workerData as CompileJob, progress => parentPort!.postMessage(progress))
parentPort!.postMessage(bytes, [bytes.buffer as ArrayBuffer])
