import { type ExceptionEntry, MAX_NOTE_LENGTH, nameOf, readNetwork } from '../policy/index.ts'
import type { Keys } from './keys.ts'

/** Of a whole entry, encrypted. */
const MAX_ENTRY_LENGTH = 10_000

/** What an exception is about, as its statement carries it: with a secret encrypted, and for this id only. */
export function writeEntry (keys: Keys, id: string, entry: ExceptionEntry | undefined): string {
  if (entry === undefined) return ''
  const { effect, network, reason, author } = entry
  return keys.seal(id, JSON.stringify([effect, network, reason, author]))
}

/** null where it is not ours, or of another id. */
export function readEntry (keys: Keys, id: string, text: string): ExceptionEntry | null {
  if (text.length > MAX_ENTRY_LENGTH) return null
  try {
    const [effect, network, reason, author] = JSON.parse(keys.unseal(id, text) ?? '') as unknown[]
    if ((effect !== 'allow' && effect !== 'deny') || !isNote(reason) || !isNote(author)) return null
    const entry = { effect, reason, author, ...readNetwork(String(network)) } as const
    return keys.ids(nameOf(entry)).includes(id) ? entry : null
  } catch {
    return null
  }
}

function isNote (value: unknown): value is string | null {
  return value === null || (typeof value === 'string' && value.length <= MAX_NOTE_LENGTH)
}
