import { type Stats, statSync } from 'node:fs'
import { stat } from 'node:fs/promises'

/** Which file it is, and in which state; empty where none can be seen. Reading does not change it, replacing by renaming does. */
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
 * Calls `changed` when one of the files is another one than `before` (taken before the files were read, so that no change is missed); a
 * file that does not exist yet may appear, a vanished one is ignored. Asks the file system each interval, which also works on network
 * volumes. Neither blocks the event loop nor keeps the process alive; gives the function that ends it.
 */
export function watchFiles (paths: readonly string[], before: readonly string[], changed: () => void, intervalMs: number): () => void {
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
