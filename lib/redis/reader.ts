import type { RedisPort } from './client.ts'
import { deferred } from './deferred.ts'
import { READ } from './scripts.ts'

/** Text and remaining milliseconds, as the script gives them; `undefined`: Redis does not answer. */
export type Stored = { readonly text: string, readonly remainingMs: number } | undefined

/** More would hold up Redis for others. */
const KEYS_A_READ = 128

interface Pending { readonly stored: Promise<Stored>, resolve (stored: Stored): void }

/**
 * Reads keys. What is asked for in one turn of the event loop goes in one command, and a key once: a command costs the
 * client more than all that a hit costs besides. In a Cluster the keys live apart, so each goes alone.
 */
export function createReader (port: RedisPort): (key: string) => Promise<Stored> {
  let batch = new Map<string, Pending>()

  return function read (key) {
    const pending = batch.get(key)
    if (pending !== undefined) return pending.stored
    if (batch.size === 0) setImmediate(send)
    const { promise: stored, resolve } = deferred<Stored>()
    batch.set(key, { stored, resolve })
    return stored
  }

  function send (): void {
    const keys = [...batch.keys()]
    const pending = [...batch.values()]
    batch = new Map()
    const size = port.isCluster ? 1 : KEYS_A_READ
    for (let i = 0; i < keys.length; i += size) readSome(keys.slice(i, i + size), pending.slice(i, i + size))
  }

  function readSome (keys: readonly string[], pending: readonly Pending[]): void {
    port.run(READ, keys, []).then(reply => {
      const fields = reply as (string | number)[]
      pending.forEach(({ resolve }, i) => resolve({ text: fields[2 * i] as string, remainingMs: fields[2 * i + 1] as number }))
    }, () => { // the port has logged the change of state
      for (const { resolve } of pending) resolve(undefined)
    })
  }
}
