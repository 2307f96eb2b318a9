import { type ParsedAddress, parseEntry } from './entry.ts'

const QUOTE = 34
const BACKSLASH = 92

/**
 * The start of the element of RFC 7239 that ends at `end`. Only what is right of a comma outside quotes is read: a
 * quote that a visitor left open further left changes nothing, and a comma inside a quoted value splits nothing. An
 * element whose quotes do not pair begins at the text's start, and reads as no address.
 */
export function forwardedStart (text: string, end: number): number {
  for (let i = end - 1; i >= 0; i--) {
    const code = text.charCodeAt(i)
    if (code === 44) return i + 1
    if (code === QUOTE) i = openingQuote(text, i)
  }
  return 0
}

/**
 * Where the string that ends at `closing` begins: the next quote to the left that no backslash escapes. -1: nowhere.
 */
function openingQuote (text: string, closing: number): number {
  for (let i = closing - 1; i >= 0; i--) {
    if (text.charCodeAt(i) !== QUOTE) continue
    let backslashes = 0
    while (text.charCodeAt(i - 1 - backslashes) === BACKSLASH) backslashes++
    if (backslashes % 2 === 0) return i
  }
  return -1
}

/**
 * The `for` of the element `text[start, end)`: undefined where it is missing, repeated, `unknown`, `_hidden`, or no
 * address.
 */
export function parseForwarded (text: string, start: number, end: number): ParsedAddress | undefined {
  let found: string | undefined
  let i = start
  while (i < end) {
    const nameStart = i = skipSpace(text, i, end)
    while (i < end && isTokenCode(text.charCodeAt(i))) i++
    if (i === nameStart) { // `;;`, or nothing a token begins with
      if (i < end && text.charCodeAt(i) !== 59) return undefined
      i++
      continue
    }
    const name = text.slice(nameStart, i).toLowerCase()
    if (i >= end || text.charCodeAt(i++) !== 61) return undefined
    const valueEnd = endOfValue(text, i, end)
    if (valueEnd < 0) return undefined
    if (name === 'for') {
      if (found !== undefined) return undefined
      found = unquoted(text.slice(i, valueEnd))
    }
    i = skipSpace(text, valueEnd, end)
    if (i < end && text.charCodeAt(i++) !== 59) return undefined
  }
  return found === undefined ? undefined : parseEntry(found, 0, found.length, true)
}

/**
 * The end of a token or quoted string; -1 where it is neither. Proxies write colons and brackets without quotes:
 * tolerated.
 */
function endOfValue (text: string, start: number, end: number): number {
  let i = start
  if (text.charCodeAt(i) !== QUOTE) {
    for (; i < end; i++) {
      const code = text.charCodeAt(i)
      if (!isTokenCode(code) && code !== 58 && code !== 91 && code !== 93) break
    }
    return i
  }
  for (i++; i < end; i++) {
    const code = text.charCodeAt(i)
    if (code === QUOTE) return i + 1
    if (code === BACKSLASH) i++
  }
  return -1
}

function unquoted (value: string): string {
  if (value.charCodeAt(0) !== QUOTE) return value
  const inner = value.slice(1, -1)
  if (!inner.includes('\\')) return inner
  let text = ''
  for (let i = 0; i < inner.length; i++) {
    if (inner.charCodeAt(i) === BACKSLASH) i++
    text += inner.charAt(i)
  }
  return text
}

function skipSpace (text: string, start: number, end: number): number {
  let i = start
  while (i < end && (text.charCodeAt(i) === 32 || text.charCodeAt(i) === 9)) i++
  return i
}

/** RFC 9110, 5.6.2. */
function isTokenCode (code: number): boolean {
  if ((code >= 48 && code <= 57) || ((code | 32) >= 97 && (code | 32) <= 122)) return true
  return code === 33 || (code >= 35 && code <= 39) || code === 42 || code === 43 || code === 45 || code === 46 ||
    (code >= 94 && code <= 96) || code === 124 || code === 126
}
