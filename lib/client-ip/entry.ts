import { type Family, parseAddress, parseIPv4Before, words } from '../ip/index.ts'

/** Address 45, brackets 2, zone 16, port 6. */
export const MAX_ENTRY_LENGTH = 69

/**
 * Reads a list header from the right, one element at a time, because only the right end was written by a proxy that is
 * ours: what a visitor put at the left is never looked at. Bounds are in `elementStart` and `elementEnd`.
 */
export let elementStart = 0
export let elementEnd = 0

/** The header's lines as one text. Node joins them itself; other servers may hand over an array. */
export function joinedLines (value: string | readonly string[] | undefined): string {
  if (typeof value === 'string') return value
  return Array.isArray(value) ? value.filter(line => typeof line === 'string').join(',') : ''
}

/**
 * The end of the last element that is not empty in `text[0, end)`, or 0: white space and empty elements ("a, ,b") are
 * passed over.
 */
export function lastElementEnd (text: string, end: number): number {
  let last = end
  for (; last > 0; last--) {
    const code = text.charCodeAt(last - 1)
    if (code !== 44 && !isSpace(code)) break
  }
  return last
}

/** Whether an element begins at `start`: only white space is between it and a comma or the text's start. */
export function beginsElement (text: string, start: number): boolean {
  let before = start - 1
  while (before >= 0 && isSpace(text.charCodeAt(before))) before--
  return before < 0 || text.charCodeAt(before) === 44
}

/**
 * Bounds the last element that is not empty in `text[0, end)`. The start of the next one to the left, or -1 when there
 * was none. `whole: false` stops inside an element that is too long to be an address; what is bounded then is too long
 * as well.
 */
export function previousElement (text: string, end: number, whole = true): number {
  const last = lastElementEnd(text, end) - 1
  if (last < 0) return -1
  const limit = whole ? 0 : Math.max(0, last - MAX_ENTRY_LENGTH - 1)
  let first = last
  while (first >= limit && text.charCodeAt(first) !== 44) first--
  const next = first < 0 ? 0 : first
  const cut = first >= 0 && text.charCodeAt(first) !== 44
  first++
  elementEnd = last + 1
  // What was cut keeps its length, so that it cannot pass for an address.
  if (!cut) while (isSpace(text.charCodeAt(first))) first++
  elementStart = first
  return next
}

function isSpace (code: number): boolean {
  return code === 32 || code === 9
}

/** Where the address of the entry that `parseEntry` understood last stood: without brackets, zone and port. */
export let addressStart = 0
export let addressEnd = 0

const MAX_ZONE_LENGTH = 15

const COLON = 58

/**
 * One entry of a list header, `text[start, end)`: `192.0.2.1`, `192.0.2.1:80`, `2001:db8::1`, `[2001:db8::1]`,
 * `[2001:db8::1]:80`. A zone on IPv6 text is dropped, as on the peer. 0 for anything else, and for an address that
 * nobody can have (`0.0.0.0`, `::`).
 */
export function parseEntry (text: string, start: number, end: number, obfuscatedPort = false): Family {
  if (end - start > MAX_ENTRY_LENGTH) return 0
  addressStart = start
  addressEnd = end
  let family: Family
  if (text.charCodeAt(start) === 91) {
    const close = text.indexOf(']', start)
    if (close < 0 || close >= end || (close + 1 < end && !isPort(text, close + 1, end, obfuscatedPort))) return 0
    addressStart = start + 1
    addressEnd = close
    const colon = text.indexOf(':', start)
    if (colon < 0 || colon > close) return 0
    family = parseZoned(text)
  } else {
    family = parseZoned(text)
    if (family === 0) {
      const colon = text.indexOf(':', start)
      if (colon < 0 || colon >= end || !isPort(text, colon, end, obfuscatedPort)) return 0
      addressEnd = colon
      family = parseAddress(text, start, colon)
    }
  }
  return family === 4 && words[3] === 0 ? 0 : family === 6 && isUnspecified() ? 0 : family
}

/** A plain address: what CF-Connecting-IP holds. */
export function parsePlain (text: string, start: number, end: number): Family {
  addressStart = start
  addressEnd = end
  const family = parseAddress(text, start, end)
  return family === 4 && words[3] === 0 ? 0 : family === 6 && isUnspecified() ? 0 : family
}

/**
 * The dotted quad that is the whole element ending at `end`, the most frequent entry: where it starts, or -1 for
 * `parseEntry` to judge.
 */
export function parseQuadBefore (text: string, end: number): number {
  const start = parseIPv4Before(text, end)
  if (start < 0 || words[3] === 0 || !beginsElement(text, start)) return -1
  addressStart = start
  addressEnd = end
  return start
}

/** The peer as Node says it: any address may have a zone, which is dropped. */
export function parsePeer (text: string): Family {
  addressStart = 0
  addressEnd = text.length
  const family = parseAddress(text)
  if (family !== 0) return family
  const zone = text.indexOf('%')
  if (zone < 0) return 0
  addressEnd = zone
  return parseAddress(text, 0, zone)
}

/**
 * A zone (RFC 4007) says on which link the proxy saw the address, and nothing of the client: `::ffff:192.0.2.1%1` is
 * 192.0.2.1. Were it unusable, the walk would end at the proxy.
 */
function parseZoned (text: string): Family {
  const family = parseAddress(text, addressStart, addressEnd)
  if (family !== 0) return family
  const zone = text.indexOf('%', addressStart)
  if (zone < 0 || zone >= addressEnd || !isZone(text, zone + 1, addressEnd)) return 0
  const colon = text.indexOf(':', addressStart)
  if (colon < 0 || colon > zone) return 0
  const zoned = parseAddress(text, addressStart, zone)
  addressEnd = zone
  return zoned
}

function isZone (text: string, start: number, end: number): boolean {
  if (start === end || end - start > MAX_ZONE_LENGTH) return false
  for (let i = start; i < end; i++) if (!isNameCode(text.charCodeAt(i))) return false
  return true
}

/** `:80`, and with RFC 7239 also `:_name`. */
function isPort (text: string, start: number, end: number, obfuscated: boolean): boolean {
  const first = start + 1
  if (text.charCodeAt(start) !== COLON || first === end) return false
  if (obfuscated && text.charCodeAt(first) === 95) {
    if (first + 1 === end) return false
    for (let i = first + 1; i < end; i++) if (!isNameCode(text.charCodeAt(i))) return false
    return true
  }
  let port = 0
  for (let i = first; i < end; i++) {
    const digit = text.charCodeAt(i) - 48
    if (digit < 0 || digit > 9) return false
    port = port * 10 + digit
    if (port > 65535) return false
  }
  return true
}

/** Letters, digits, `.`, `_`, `-`. */
function isNameCode (code: number): boolean {
  const isLetterOrDigit = (code >= 48 && code <= 57) || ((code | 32) >= 97 && (code | 32) <= 122)
  return isLetterOrDigit || code === 46 || code === 95 || code === 45
}

function isUnspecified (): boolean {
  return words[0] === 0 && words[1] === 0 && words[2] === 0 && words[3] === 0
}
