import { Worker } from 'node:worker_threads'
import type { CompileJob, CompileProgress } from './compile-job.ts'

/** Beside this file: .ts in the sources, .js in dist/, and no compiler rewrites a URL. */
const WORKER = import.meta.url.replace(/reload(\.[jt]s)/, 'compile-worker$1')

/** A compilation under way in a thread of its own. `stop` ends it; the promise then never settles. */
export interface Compilation { readonly done: Promise<Uint8Array>, stop (): Promise<void> }

/** Neither blocks the event loop nor keeps the process alive. Rejects with what the job threw. */
export function compileInWorker (job: CompileJob, onProgress: (progress: CompileProgress) => void): Compilation {
  const worker = new Worker(new URL(WORKER), { workerData: job })
  let stopped = false
  worker.unref()
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
