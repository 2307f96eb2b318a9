import type { UnknownAnswer } from '../../../types/contract.ts'
import { badOption } from '../../errors.ts'
import { deadline, shown } from '../../util/index.ts'
import { unknownAnswer } from '../../verdict/index.ts'

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

/**
 * The current value; an answer that says what to do where the function has none in time. Empty without the option. The
 * signal ends the wait.
 */
export async function secretValue (
  secret: Secret | undefined, provider: string, timeoutMs: number = 5_000, signal?: AbortSignal
): Promise<string | UnknownAnswer> {
  if (secret === undefined || typeof secret === 'string') return secret ?? ''
  const time = deadline(timeoutMs, signal)
  const over = new Promise<null>(resolve => {
    time.signal.addEventListener('abort', () => resolve(null), { once: true })
    if (time.signal.aborted) resolve(null)
  })
  try {
    const value = await Promise.race([secret(), over])
    if (isUsable(value)) return value
  } catch { // its message may hold the secret
  } finally {
    time.clear()
  }
  if (signal?.aborted === true) return unknownAnswer('timeout', 'no secret')
  return {
    verdict: 'unknown',
    reason: 'rejected',
    retryAfterSeconds: 60,
    cause: 'no secret',
    alert: `The function that gives the key of "${provider}" threw, or returned no usable text in time, so calls ` +
      'stop for a minute: fix that function.'
  }
}

/**
 * Whether a text of an answer or a reply repeats the secret, as it is or encoded, whole or cut off: a service that
 * echoes a key must not bring it into a cache or a log. Upper and lower case are the same here.
 */
export function secretFinder (secret: string): (answer: object) => boolean {
  if (secret.length < shortestSecret) return () => false
  const forms = formsOf(secret).map(form => form.toLowerCase())
  return answer => textsIn(answer).some(text => readings(text.toLowerCase()).some(read =>
    forms.some(form => read.includes(form) || endsWithPart(read, form))))
}

/** Shorter ones occur by chance. */
const shortestSecret = 4
const shortestPiece = 8

/** The secret as text, in hex, and as a part of base64 that may also hold a user name, as HTTP Basic does. */
function formsOf (secret: string): string[] {
  const bytes = Buffer.from(secret)
  const pieces = [0, 1, 2].map(before => {
    const base64 = Buffer.concat([Buffer.alloc(before), bytes]).toString('base64')
    // Only the characters that no byte around the secret can change: six bits each.
    return base64.slice(Math.ceil(before * 8 / 6), Math.floor((before + bytes.length) * 8 / 6))
  }).filter(piece => piece.length >= shortestPiece)
  const urlSafe = pieces.map(piece => piece.replaceAll('+', '-').replaceAll('/', '_'))
  return [secret, bytes.toString('hex'), ...pieces, ...urlSafe]
}

/** Every text of an answer. */
function textsIn (value: unknown): string[] {
  if (typeof value === 'string') return [value]
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(textsIn) : []
}

/** A text as it is, and decoded as a part of a URL, twice at most: characters that need no encoding may have one. */
function readings (text: string): string[] {
  const decoded = decodeUrl(text)
  return decoded === text ? [text] : [text, decoded, decodeUrl(decoded)]
}

function decodeUrl (text: string): string {
  const characterOf = (_match: string, hex: string): string => String.fromCharCode(parseInt(hex, 16))
  return text.replace(/%([0-7][0-9a-f])/g, characterOf).toLowerCase()
}

/** Whether a text that was cut off ends with the first half of a form, or with more of it. */
function endsWithPart (text: string, form: string): boolean {
  const half = Math.max(shortestPiece, Math.ceil(form.length / 2))
  const start = form.length > half ? text.lastIndexOf(form.slice(0, half)) : -1
  return start >= 0 && form.startsWith(text.slice(start))
}
