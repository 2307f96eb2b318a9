import { readFileSync } from 'node:fs'
import { getHeapStatistics } from 'node:v8'

/** Where the memory of a process is, in bytes: `rss` is the sum of the others. */
export interface Memory {
  readonly rss: number
  /** Objects that live in the heap of V8. */
  readonly heap: number
  /** Resident space of that heap that is not in use: most is the young generation, up to 48 MiB, which V8 keeps after a busy time. */
  readonly unused: number
  /** Resident pages beside those of the heap that are no part of a file: malloc with all buffers, stacks, machine code. */
  readonly native: number
  /** Resident pages of files: Node.js itself and its libraries. */
  readonly files: number
}

export function memoryOf (): Memory {
  const { heapUsed: heap, rss } = process.memoryUsage()
  const pages = getHeapStatistics().total_physical_size
  const files = fileBytes(readFileSync('/proc/self/status', 'utf8'))
  return { rss, heap, unused: pages - heap, native: rss - files - pages, files }
}

/** Linux alone says it. */
function fileBytes (status: string): number {
  return Number(/^RssFile:\s+(\d+) kB$/m.exec(status)?.[1] ?? 0) * 1024
}
