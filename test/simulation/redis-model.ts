import { createHash } from 'node:crypto'

type Value =
  | string
  | ReadonlySet<string>
  | { readonly scores: ReadonlyMap<string, number> }
  | { readonly fields: ReadonlyMap<string, string> }
interface Entry { readonly value: Value, readonly endMs: number }

/** The commands of Redis that our scripts use, over values that are never changed in place: a snapshot is a copy of the map. */
export interface RedisModel {
  runId: string
  readonly nowMs: number
  /** Added to it by TIME, since statements have the time of day. */
  readonly epochMs: number
  /** What PUBLISH sends; the number of receivers is not modelled. */
  readonly published: { readonly channel: string, readonly message: string }[]
  get (key: string): string | undefined
  set (key: string, value: string, ttlMs?: number): void
  del (...keys: readonly string[]): void
  exists (key: string): boolean
  pttl (key: string): number
  pexpire (key: string, ttlMs: number): number
  sadd (key: string, member: string): void
  smembers (key: string): readonly string[]
  scores (key: string): ReadonlyMap<string, number>
  zadd (key: string, score: number, member: string): void
  /** Keeps the members for which this is true. */
  zkeep (key: string, keep: (score: number, member: string) => boolean): void
  fields (key: string): ReadonlyMap<string, string>
  hset (key: string, fields: Readonly<Record<string, string>>): void
  hdel (key: string, field: string): void
  snapshot (): ReadonlyMap<string, Entry>
  restore (snapshot: ReadonlyMap<string, Entry>): void
}

/** Far more than the errors of sums of milliseconds. */
const ROUNDING_MS = 1e-6

export function createRedisModel (now: () => number, epochMs = 0): RedisModel {
  let entries = new Map<string, Entry>()
  const nothing = new Map<string, never>()

  function live (key: string): Entry | undefined {
    const entry = entries.get(key)
    if (entry === undefined || entry.endMs > now()) return entry
    entries.delete(key)
    return undefined
  }

  /** Keeps the end, as commands that change a part of a value do. */
  function put (key: string, value: Value, isEmpty: boolean): void {
    if (isEmpty) entries.delete(key)
    else entries.set(key, { value, endMs: live(key)?.endMs ?? Infinity })
  }

  function scores (key: string): ReadonlyMap<string, number> {
    const value = live(key)?.value
    return typeof value === 'object' && 'scores' in value ? value.scores : nothing
  }

  function fields (key: string): ReadonlyMap<string, string> {
    const value = live(key)?.value
    return typeof value === 'object' && 'fields' in value ? value.fields : nothing
  }

  function members (key: string): ReadonlySet<string> {
    const value = live(key)?.value
    return value instanceof Set ? value : new Set<string>()
  }

  return {
    runId: 'first',
    get nowMs () { return now() },
    epochMs,
    published: [],
    get (key) {
      const value = live(key)?.value
      return typeof value === 'string' ? value : undefined
    },
    set (key, value, ttlMs = Infinity) { entries.set(key, { value, endMs: now() + ttlMs }) },
    del (...keys) { for (const key of keys) entries.delete(key) },
    exists: key => live(key) !== undefined,
    pttl (key) {
      // Redis counts whole milliseconds: the sum of a time and a life must not round up to one more.
      const entry = live(key)
      return entry === undefined ? -2 : entry.endMs === Infinity ? -1 : Math.ceil(entry.endMs - now() - ROUNDING_MS)
    },
    pexpire (key, ttlMs) {
      const entry = live(key)
      if (entry !== undefined) entries.set(key, { ...entry, endMs: now() + ttlMs })
      return entry === undefined ? 0 : 1
    },
    sadd (key, member) { put(key, new Set([...members(key), member]), false) },
    smembers: key => [...members(key)],
    scores,
    zadd (key, score, member) { put(key, { scores: new Map([...scores(key), [member, score]]) }, false) },
    zkeep (key, keep) {
      const kept = [...scores(key)].filter(([member, score]) => keep(score, member))
      if (kept.length < scores(key).size) put(key, { scores: new Map(kept) }, kept.length === 0)
    },
    fields,
    hset (key, more) { put(key, { fields: new Map([...fields(key), ...Object.entries(more)]) }, false) },
    hdel (key, field) {
      const left = new Map(fields(key))
      if (left.delete(field)) put(key, { fields: left }, left.size === 0)
    },
    snapshot: () => new Map(entries),
    restore (snapshot) { entries = new Map(snapshot) }
  }
}

export const sha1 = (text: string): string => createHash('sha1').update(text).digest('hex')
