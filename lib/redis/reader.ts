import { deferred } from '../util/index.ts'
import type { RedisPort } from './client.ts'
import { READ } from './scripts.ts'

/** Text and remaining milliseconds, as the script returns them; `undefined`: Redis does not answer. */
type Stored = { readonly text: string, readonly remainingMs: number } | undefined

/** More would block Redis for other clients. */
const KEYS_A_READ = 128

interface Pending { readonly stored: Promise<Stored>, resolve (stored: Stored): void }

/**
 * Reads keys. The reads of one turn of the event loop are sent in one command, each key once: a command costs the
 * client more than everything else in a hit. In a Cluster the keys are in different slots, so each is read alone.
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
      const found = readReply(reply, keys.length)
      pending.forEach(({ resolve }, i) => resolve(found[i]))
    }).catch(() => { // the port logs it
      for (const { resolve } of pending) resolve(undefined)
    })
  }
}

/** Throws a `TypeError` for what the script cannot return: then the other side is not Redis. */
function readReply (reply: unknown, count: number): Stored[] {
  if (!Array.isArray(reply) || reply.length !== 2 * count) throw new TypeError('the reply is not one of the script')
  return Array.from({ length: count }, (_, i) => {
    const text: unknown = reply[2 * i]
    const remainingMs = Number(reply[2 * i + 1]) // text from a client with `stringNumbers`
    if (typeof text !== 'string' || !Number.isFinite(remainingMs)) {
      throw new TypeError('the reply is not one of the script')
    }
    return { text, remainingMs }
  })
}
