import type { Worker } from 'node:worker_threads'

/** Runs a worker file of this folder. Its thread does not keep the process alive. */
export function startThread (name: 'compile' | 'refresh', workerData: unknown): Worker {
  // Beside this source; in the package, where this source is bundled, the file that package.json names.
  const file = import.meta.url.endsWith('.ts')
    ? new URL(`./${name}/${name}-worker.ts`, import.meta.url)
    : new URL(import.meta.resolve(`#${name}-worker`))
  // Loaded on use: it takes several milliseconds.
  const { Worker } = process.getBuiltinModule('node:worker_threads')
  // Most of what a compilation allocates lives as long as it does: a large young generation only adds to the peak.
  const worker = new Worker(file, { workerData, resourceLimits: { maxYoungGenerationSizeMb: 4 } })
  worker.unref()
  return worker
}
