import type { UnknownAnswer } from '../../../types/contract.ts'
import { badOption } from '../../errors.ts'
import { shown, waitAtMost } from '../../util/index.ts'

/**
 * A key or token: text, or a function that returns the current one, so that it can be rotated while the process runs.
 * It is never part of an error, a log line, `stats()` or the cache.
 */
export type Secret = string | (() => string | Promise<string>)

/** Text that a header and a URL can carry. */
const isUsable = (value: unknown): value is string => typeof value === 'string' && /^[\x21-\x7e]{1,4096}$/.test(value)

/** Checks the option. Its value is not part of the error. */
export function checkSecret (path: string, value: unknown): Secret {
  if (typeof value === 'function') return value as Secret
  if (isUsable(value)) return value
  const got = typeof value === 'string' ? value === '' ? 'empty text' : 'text with other characters' : shown(value)
  throw badOption(path, `must be text of printable ASCII without spaces, or a function that returns it, got ${got}`)
}

/** The current value; an answer that says what to do where the function has none. Empty without the option. */
export async function secretValue (
  secret: Secret | undefined, provider: string, timeoutMs: number = 5_000
): Promise<string | UnknownAnswer> {
  if (secret === undefined || typeof secret === 'string') return secret ?? ''
  try {
    const value = await waitAtMost(Promise.resolve(secret()), timeoutMs, () => '')
    if (isUsable(value)) return value
  } catch {} // its message may hold the secret
  return {
    verdict: 'unknown',
    reason: 'rejected',
    retryAfterSeconds: 60,
    cause: 'no secret',
    alert: `The function that gives the key of "${provider}" threw, or returned no usable text in time, so calls ` +
      'stop for a minute: fix that function.'
  }
}

/** A service that echoes the key, as it is or encoded, must not bring it into a cache or a log. */
export function repeatsSecret (answer: object, secret: string): boolean {
  if (secret.length <= 3) return false
  const text = JSON.stringify(answer)
  return formsOf(secret).some(form => text.includes(JSON.stringify(form).slice(1, -1)))
}

/** Shorter pieces of base64 occur by chance. */
const shortestPiece = 8

/** The secret as text, in a URL, in hex, and as a part of base64 that may also hold a user name, as HTTP Basic does. */
function formsOf (secret: string): string[] {
  const bytes = Buffer.from(secret)
  const hex = bytes.toString('hex')
  const pieces = [0, 1, 2].map(before => {
    const base64 = Buffer.concat([Buffer.alloc(before), bytes]).toString('base64')
    // Only the characters that no byte around the secret can change: six bits each.
    return base64.slice(Math.ceil(before * 8 / 6), Math.floor((before + bytes.length) * 8 / 6))
  }).filter(piece => piece.length >= shortestPiece)
  const urlSafe = pieces.map(piece => piece.replaceAll('+', '-').replaceAll('/', '_'))
  return [secret, encodeURIComponent(secret), hex, hex.toUpperCase(), ...pieces, ...urlSafe]
}
