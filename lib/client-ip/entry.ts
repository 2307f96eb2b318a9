import { addressText, parseAddress, parseIPv4Before, words } from '../ip/index.ts'

/** Address 45, brackets 2, zone 16, port 6. */
export const MAX_ENTRY_LENGTH = 69

/** An address of `text`, and where it is: without brackets, zone and port. */
export interface ParsedAddress {
  readonly text: string
  readonly start: number
  readonly end: number
  readonly family: 4 | 6
}

/** The canonical text of the address that was parsed last. */
export function textOf ({ text, start, end, family }: ParsedAddress): string {
  return addressText(family, text, start, end)
}

/** The header's lines as one text. Node joins them itself; other servers may hand over an array. */
export function joinedLines (value: string | readonly string[] | undefined): string {
  if (typeof value === 'string') return value
  return Array.isArray(value) ? value.filter(line => typeof line === 'string').join(',') : ''
}

/**
 * The end of the last element that is not empty in `text[0, end)`, or 0: white space and empty elements ("a, ,b") are
 * passed over. A list header is read from the right, one element at a time, because only the right end was written by a
 * proxy that is ours: what a visitor put at the left is never looked at.
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
function beginsElement (text: string, start: number): boolean {
  let before = start - 1
  while (before >= 0 && isSpace(text.charCodeAt(before))) before--
  return before < 0 || text.charCodeAt(before) === 44
}

/**
 * The start of the element that ends at `end`. `whole: false` stops inside an element that is too long to be an
 * address; what is bounded then is too long as well.
 */
export function elementStart (text: string, end: number, whole = true): number {
  const limit = whole ? 0 : Math.max(0, end - MAX_ENTRY_LENGTH - 2)
  let start = end
  while (start > limit && text.charCodeAt(start - 1) !== 44) start--
  const cut = start > 0 && text.charCodeAt(start - 1) !== 44
  // What was cut keeps its length, so that it cannot pass for an address.
  if (!cut) while (isSpace(text.charCodeAt(start))) start++
  return start
}

export function isSpace (code: number): boolean {
  return code === 32 || code === 9
}

const MAX_ZONE_LENGTH = 15

const COLON = 58

/**
 * One entry of a list header, `text[start, end)`: `192.0.2.1`, `192.0.2.1:80`, `2001:db8::1`, `[2001:db8::1]`,
 * `[2001:db8::1]:80`. A zone on IPv6 text is dropped, as on the peer. undefined for anything else, and for an address
 * that nobody can have (`0.0.0.0`, `::`). Until the next address is parsed, `words` hold this one.
 */
export function parseEntry (
  text: string, start: number, end: number, obfuscatedPort = false
): ParsedAddress | undefined {
  if (end - start > MAX_ENTRY_LENGTH) return undefined
  if (text.charCodeAt(start) === 91) {
    const close = text.indexOf(']', start)
    if (close < 0 || close >= end) return undefined
    if (close + 1 < end && !isPort(text, close + 1, end, obfuscatedPort)) return undefined
    const colon = text.indexOf(':', start)
    return colon < 0 || colon > close ? undefined : parseZoned(text, start + 1, close)
  }
  const address = parseZoned(text, start, end)
  if (address !== undefined) return address
  const colon = text.indexOf(':', start)
  if (colon < 0 || colon >= end || !isPort(text, colon, end, obfuscatedPort)) return undefined
  return parsePlain(text, start, colon)
}

/** A plain address: what CF-Connecting-IP holds. */
export function parsePlain (text: string, start: number, end: number): ParsedAddress | undefined {
  const family = parseAddress(text, start, end)
  return family === 0 || isUnspecified() ? undefined : { text, start, end, family }
}

/**
 * The dotted quad that is the whole element ending at `end`, the most frequent entry: where it starts, or -1 for
 * `parseEntry` to judge.
 */
export function parseQuadBefore (text: string, end: number): number {
  const start = parseIPv4Before(text, end)
  return start < 0 || words[3] === 0 || !beginsElement(text, start) ? -1 : start
}

/** The peer as Node says it: any address may have a zone, which is dropped. */
export function parsePeer (text: string): ParsedAddress | undefined {
  let end = text.length
  let family = parseAddress(text)
  if (family === 0) {
    end = text.indexOf('%')
    if (end > 0) family = parseAddress(text, 0, end)
  }
  return family === 0 ? undefined : { text, start: 0, end, family }
}

/**
 * A zone (RFC 4007) says on which link the proxy saw the address, and nothing of the client: `::ffff:192.0.2.1%1` is
 * 192.0.2.1. Were it unusable, the walk would end at the proxy.
 */
function parseZoned (text: string, start: number, end: number): ParsedAddress | undefined {
  const address = parsePlain(text, start, end)
  if (address !== undefined) return address
  const zone = text.indexOf('%', start)
  if (zone < 0 || zone >= end || !isZone(text, zone + 1, end)) return undefined
  const colon = text.indexOf(':', start)
  return colon < 0 || colon > zone ? undefined : parsePlain(text, start, zone)
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
