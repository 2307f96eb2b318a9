import { type Stats, unwatchFile, watchFile } from 'node:fs'
import { Worker } from 'node:worker_threads'
import type { CompileJob, CompileProgress } from './compile-job.ts'

/** A compilation under way in a thread of its own. `stop` ends it; the promise then never settles. */
export interface Compilation { readonly done: Promise<Uint8Array>, stop (): Promise<void> }

/** Neither blocks the event loop nor keeps the process alive. Rejects with what the job threw. */
export function compileInWorker (job: CompileJob, onProgress: (progress: CompileProgress) => void = () => {}): Compilation {
  // The file is .ts in the sources and .js in dist/, and no compiler rewrites a URL.
  const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js'
  const worker = new Worker(new URL(`./compile-worker.${extension}`, import.meta.url), { workerData: job })
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

/**
 * Calls `changed` when one of the files is another one than before; a file that does not exist yet may appear, a vanished one is
 * ignored. Asks the file system each interval, which also works on network volumes and for files that are replaced by renaming.
 */
export function watchFiles (paths: readonly string[], changed: () => void, intervalMs = 2000): () => void {
  const listener = (now: Stats, before: Stats): void => {
    if (now.mtimeMs !== 0 && (now.mtimeMs !== before.mtimeMs || now.ino !== before.ino)) changed()
  }
  for (const path of paths) watchFile(path, { interval: intervalMs, persistent: false }, listener)
  return () => {
    for (const path of paths) unwatchFile(path, listener)
  }
}
