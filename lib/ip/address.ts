/**
 * Address text <-> binary. Everything in this project that compares addresses compares the words described here,
 * never text: `::ffff:192.0.2.1` and `192.0.2.1` are one address, `010.0.0.1` is none.
 */

/** 4 or 6; 0 means "no address". */
export type Family = 0 | 4 | 6

/** The longest text of an IPv6 address: eight groups of four, or six groups and a dotted tail. */
const MAX_ADDRESS_LENGTH = 45

/**
 * The words of the last address that `parseAddress` understood, most significant first; IPv4 is in `words[3]`. One
 * array for the process, so that parsing allocates nothing, and every reader is synchronous. Copy what must last.
 */
export const words: Uint32Array = new Uint32Array(4)

const groups = new Uint16Array(8)

/** Of the IPv6 text parsed last: where its dotted tail began (-1: none), where `::` was, and for how many groups. */
let dottedStart = -1
let gapStart = -1
let gapLength = 0
/** Upper case, or a group with a leading zero: not the canonical spelling. */
let sloppy = false

/**
 * Strict parser of `text[start, end)`: four decimal octets without leading zeros, or RFC 4291 IPv6 with an optional
 * dotted tail. `::ffff:0:0/96` is IPv4 (by bits). No zone, port, bracket or white space. Never throws.
 */
export function parseAddress (text: string, start = 0, end: number = text.length): Family {
  const length = end - start
  if (length < 2 || length > MAX_ADDRESS_LENGTH) return 0
  const value = parseIPv4(text, start, end)
  if (value >= 0) {
    words[0] = words[1] = words[2] = 0
    words[3] = value
    dottedStart = start
    return 4
  }
  if (!parseIPv6(text, start, end)) return 0
  for (let i = 0; i < 4; i++) words[i] = groups[2 * i]! * 65536 + groups[2 * i + 1]!
  if (words[0] === 0 && words[1] === 0 && words[2] === 0xffff) {
    words[2] = 0
    return 4
  }
  return 6
}

/** The 32 bits of a dotted quad, or -1. */
function parseIPv4 (text: string, start: number, end: number): number {
  let value = 0
  let octet = 0
  let digits = 0
  let dots = 0
  for (let i = start; i < end; i++) {
    const code = text.charCodeAt(i)
    if (code === 46) {
      if (digits === 0 || ++dots > 3) return -1
      value = value * 256 + octet
      octet = digits = 0
    } else {
      if (code < 48 || code > 57 || (digits === 1 && octet === 0)) return -1
      octet = octet * 10 + code - 48
      if (octet > 255) return -1
      digits++
    }
  }
  return dots === 3 && digits > 0 ? value * 256 + octet : -1
}

/**
 * Parses a dotted quad that ends at `end` and begins after a comma, white space or nothing: its start, or -1. For lists
 * that are read from the right, in one pass. What is before it is not judged.
 */
export function parseIPv4Before (text: string, end: number): number {
  let value = 0
  let octet = 0
  let unit = 1
  let dots = 0
  let first = 0
  let i = end - 1
  for (; i >= 0; i--) {
    const digit = text.charCodeAt(i) - 48
    if (digit >= 0 && digit <= 9) {
      if (unit > 100) return -1
      octet += digit * unit
      unit *= 10
      first = digit
    } else if (digit === -2) {
      if (unit === 1 || (unit > 10 && first === 0) || octet > 255 || dots === 3) return -1
      value |= octet << (dots++ * 8)
      octet = 0
      unit = 1
    } else if (digit === -4 || digit === -16 || digit === -39) break // comma, space, tab
    else return -1
  }
  if (dots !== 3 || unit === 1 || (unit > 10 && first === 0) || octet > 255) return -1
  words[0] = words[1] = words[2] = 0
  words[3] = value | (octet << 24)
  dottedStart = i + 1
  return i + 1
}

/** Fills `groups`; false leaves them undefined. */
function parseIPv6 (text: string, start: number, end: number): boolean {
  let count = 0
  let gap = -1
  let i = start
  dottedStart = -1
  sloppy = false
  if (text.charCodeAt(i) === 58) {
    if (text.charCodeAt(i + 1) !== 58) return false
    gap = 0
    i += 2
  }
  while (i < end) {
    if (count === 8) return false
    const groupStart = i
    let group = 0
    let code = 0
    for (; i < end; i++) {
      code = text.charCodeAt(i)
      const digit = hexDigit(code)
      if (digit < 0) break
      if (code < 97 && code > 57) sloppy = true
      group = group * 16 + digit
    }
    if (i < end && code === 46) {
      const tail = count <= 6 ? parseIPv4(text, groupStart, end) : -1
      if (tail < 0) return false
      dottedStart = groupStart
      groups[count++] = tail >>> 16
      groups[count++] = tail & 0xffff
      i = end
      break
    }
    if (i === groupStart || i - groupStart > 4) return false
    if (text.charCodeAt(groupStart) === 48 && i - groupStart > 1) sloppy = true
    groups[count++] = group
    if (i === end) break
    if (code !== 58 || ++i === end) return false
    if (text.charCodeAt(i) === 58) {
      if (gap >= 0) return false
      gap = count
      i++
    }
  }
  gapStart = gap
  gapLength = 8 - count
  if (gap < 0) return count === 8
  if (count === 8) return false
  for (let from = count - 1, to = 7; from >= gap; from--, to--) groups[to] = groups[from]!
  for (let at = gap; at < gap + gapLength; at++) groups[at] = 0
  return true
}

function hexDigit (code: number): number {
  if (code >= 48 && code <= 57) return code - 48
  const lower = code | 32
  return lower >= 97 && lower <= 102 ? lower - 87 : -1
}

/** A part of a text keeps all of it alive. An address may live long as a cache key, and a header may be large. */
const MAX_SHARED_LENGTH = 256

/**
 * Canonical text of the address that `parseAddress` understood last and that stood at `text[start, end)`: a part of the
 * text itself where that is canonical already, which is the usual case and costs no formatting.
 */
export function addressText (family: 4 | 6, text: string, start = 0, end: number = text.length): string {
  if (family === 4) {
    if (dottedStart < 0) return formatAddress(4)
    start = dottedStart
  } else if (!isCanonical6()) return formatAddress(6)
  if (start === 0 && end === text.length) return text
  return text.length > MAX_SHARED_LENGTH ? formatAddress(family) : text.slice(start, end)
}

/** Whether the IPv6 text parsed last is canonical (RFC 5952): lower case, and `::` at the longest run of zeros. */
function isCanonical6 (): boolean {
  if (sloppy || dottedStart >= 0) return false
  findZeros(words)
  return runStart === gapStart && (gapStart < 0 || runLength === gapLength)
}

let runStart = -1
let runLength = 1

/** The longest run of two or more zero groups, the first one of equals. */
function findZeros (from: ArrayLike<number>): void {
  runStart = -1
  runLength = 1
  for (let i = 0; i < 8; i++) {
    let length = 0
    while (i + length < 8 && group(from, i + length) === 0) length++
    if (length > runLength) {
      runStart = i
      runLength = length
    }
    i += length
  }
}

/** Canonical text of the words: dotted IPv4, or RFC 5952 IPv6 in hex groups only. */
export function formatAddress (family: 4 | 6, from: ArrayLike<number> = words): string {
  if (family === 4) {
    const value = from[3]!
    return `${value >>> 24}.${(value >>> 16) & 255}.${(value >>> 8) & 255}.${value & 255}`
  }
  findZeros(from)
  let text = ''
  for (let i = 0; i < 8; i++) {
    if (i === runStart) {
      text += '::'
      i += runLength - 1
    } else {
      if (text !== '' && !text.endsWith(':')) text += ':'
      text += group(from, i).toString(16)
    }
  }
  return text
}

function group (from: ArrayLike<number>, index: number): number {
  const word = from[index >> 1]!
  return (index & 1) === 0 ? word >>> 16 : word & 0xffff
}

/** The canonical text of an address, or null where it is none. Returns the very string if that is canonical. */
export function canonicalAddress (text: string): string | null {
  const family = parseAddress(text)
  return family === 0 ? null : addressText(family, text)
}
