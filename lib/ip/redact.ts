import { createHmac } from 'node:crypto'
import type { LogAddress } from '../../types/contract.ts'
import { derivedKey } from '../util/index.ts'
import { embeddedIPv4, scopeOf } from './address-scope.ts'
import { formatAddress, parseAddress, words } from './address.ts'

/** In place of an address that is not shown. */
export const HIDDEN = '[address]'

/** Text in, and the same text out without the address. */
type Redact = (text: string) => string

/** A part of a text, `end` excluded. */
type Span = readonly [start: number, end: number]
interface Token { readonly start: number, readonly end: number, readonly value: number }
type Search = (text: string, found: Span[]) => void

/** Between two parts of one spelling: `.`, `-`, `::`, `[.]`, ` . `, `x`, `dot`. */
const separator = /^(?:[^0-9a-z]{1,3}|x|dot)$/i
const decimals = /\d+/g
const hexadecimals = /(?:0x)?([0-9a-f]+)/gi
/**
 * What every spelling has: eight hexadecimal digits in a row, `::`, or four numbers near each other. Most texts do not.
 */
const longRun = /(?:[0-9a-f][^0-9a-z]{0,3}){8}/i
const numbers = /(?:[0-9a-f]{1,16}(?:[^0-9a-z]{1,3}|x|dot)(?:0x)?){3}[0-9a-f]|[:_-]{2}/i

/**
 * Replaces the address, however it is spelled: dotted, dashed, underscored, zero-padded, reversed (`in-addr.arpa`,
 * `ip6.arpa`) or in any other order of its octets; IPv6 compressed, expanded, in upper case or with a dotted tail;
 * hexadecimal, or one decimal number. Of an IPv6 address that carries an IPv4 address, both are replaced. It may
 * replace a little too much. Never throws.
 */
export function redactAddress (ip: string, shown: string): Redact {
  let searches: Search[] | undefined
  return text => {
    if (!longRun.test(text) && !numbers.test(text)) return text
    searches ??= searchesOf(ip)
    const found: Span[] = []
    for (const search of searches) search(text, found)
    return found.length === 0 ? text : replaceSpans(text, found, shown)
  }
}

/** The value with every string in it redacted; the same object where none has the address. Keys stay as they are. */
export function redactStrings<T> (value: T, redact: Redact): T {
  if (typeof value === 'string') return redact(value) as T
  if (typeof value !== 'object' || value === null) return value
  let copy: object | undefined
  for (const [key, part] of Object.entries(value)) {
    const redacted: unknown = redactStrings(part, redact)
    if (redacted === part) continue
    copy ??= Array.isArray(value) ? [...value] : { ...value }
    Object.assign(copy, { [key]: redacted })
  }
  return (copy ?? value) as T
}

function searchesOf (ip: string): Search[] {
  const family = parseAddress(ip)
  if (family === 0) return []
  const [, , , last] = words
  if (family === 4) return searchesOf4(last!)
  const groups = [...words].flatMap(word => [word >>> 16, word & 0xffff])
  const scope = scopeOf(ip)! // fills `words` again
  const inner = scope === 'public' ? -1 : embeddedIPv4(scope)
  return inner < 0 ? searchesOf6(groups) : [...searchesOf6(groups), ...searchesOf4(inner)]
}

function searchesOf4 (value: number): Search[] {
  const octets = [value >>> 24, (value >>> 16) & 255, (value >>> 8) & 255, value & 255]
  const sorted = octets.toSorted((a, b) => a - b)
  const hex = octets.map(octet => octet.toString(16).padStart(2, '0'))
  const padded = octets.map(octet => String(octet).padStart(3, '0'))
  const halves = [value >>> 16, value & 0xffff]
  const runs = [hex, padded].flatMap(parts => [parts.join(''), parts.toReversed().join('')])
  return [
    searchWindows(decimals, 4, values => isSame(values.sort((a, b) => a - b), sorted)),
    searchWindows(hexadecimals, 4, values => isSame(values, octets) || isSame(values.reverse(), octets)),
    // Within an IPv6 address: mapped, NAT64, 6to4.
    searchWindows(hexadecimals, 2, (values, between) => isSame(values, halves) && /^[:_-]$/.test(between)),
    searchSequences([[0xffff, ...halves], [0x64, 0xff9b, ...halves], [0x2002, ...halves]]),
    searchRuns([...runs, String(value), String(reversedBytes(value))])
  ]
}

/** Numbers that follow each other closely. `between`: what separates the first two. */
function searchWindows (
  pattern: RegExp, size: number, isAddress: (values: number[], between: string) => boolean
): Search {
  return (text, found) => {
    const tokens = tokensOf(text, pattern)
    for (let i = 0; i + size <= tokens.length; i++) {
      const window = tokens.slice(i, i + size)
      if (!areNear(text, window)) continue
      const between = text.slice(window[0]!.end, window[1]!.start)
      if (isAddress(window.map(({ value }) => value), between)) found.push([window[0]!.start, window.at(-1)!.end])
    }
  }
}

function reversedBytes (value: number): number {
  return ((value & 255) * 0x1000000) + ((value & 0xff00) << 8) + ((value >>> 8) & 0xff00) + (value >>> 24)
}

function searchesOf6 (groups: readonly number[]): Search[] {
  const hex = groups.map(group => group.toString(16).padStart(4, '0')).join('')
  const bytes = hex.match(/../g)!
  const [high, low] = [groups[6]!, groups[7]!]
  // As the digits of a hexadecimal token read, for a tail such as ::192.0.2.33.
  const tail = [high >>> 8, high & 255, low >>> 8, low & 255].map(octet => parseInt(String(octet), 16))
  return [
    searchSequences([groups, groups.toReversed(), [...groups.slice(0, 6), ...tail]]),
    searchRuns([hex, [...hex].reverse().join(''), bytes.toReversed().join(''), BigInt(`0x${hex}`).toString()])
  ]
}

/** The groups that are not zero, in their order: `::` and zeros between them count as separators. */
function searchSequences (sequences: readonly (readonly number[])[]): Search {
  const known = sequences.map(groups => groups.filter(group => group !== 0))
  return (text, found) => {
    const tokens = tokensOf(text, hexadecimals)
    for (const sequence of known) searchSequence(text, tokens, sequence, found)
  }
}

function searchSequence (text: string, tokens: readonly Token[], sequence: readonly number[], found: Span[]): void {
  for (let from = 0; from < tokens.length; from++) {
    let at = from
    let matched = 0
    for (; at < tokens.length && matched < sequence.length; at++) {
      if (at > from && !areNear(text, tokens.slice(at - 1, at + 1))) break
      const { value } = tokens[at]!
      if (value === sequence[matched]) matched++
      else if (value !== 0 || at === from) break
    }
    if (matched < sequence.length || matched === 0) continue
    while (at < tokens.length && tokens[at]!.value === 0 && areNear(text, tokens.slice(at - 1, at + 1))) at++
    let first = from
    while (first > 0 && tokens[first - 1]!.value === 0 && areNear(text, tokens.slice(first - 1, first + 1))) first--
    const { start } = tokens[first]!
    const end = tokens[at - 1]!.end + (/^(::|--|__)/.test(text.slice(tokens[at - 1]!.end)) ? 2 : 0)
    // One or two numbers alone are no address: `::` or a row of zeros must be among or beside them.
    const around = text.slice(Math.max(0, start - 2), end)
    if (sequence.length > 2 || /[:_-]{2}|(?:0[:._-]+){2}/.test(around)) found.push([start, end])
  }
}

/** Spellings without separators, or with separators elsewhere: they are looked for in the text without any. */
function searchRuns (runs: readonly string[]): Search {
  return (text, found) => {
    if (!longRun.test(text)) return
    const places: number[] = []
    let bare = ''
    for (const { 0: char, index } of text.matchAll(/[0-9a-z]/gi)) {
      bare += char.toLowerCase()
      places.push(index)
    }
    for (const run of runs) {
      for (let at = bare.indexOf(run); at >= 0; at = bare.indexOf(run, at + 1)) {
        found.push([places[at]!, places[at + run.length - 1]! + 1])
      }
    }
  }
}

function tokensOf (text: string, pattern: RegExp): Token[] {
  return Array.from(text.matchAll(pattern), match => {
    const [all, digits] = match
    const value = digits === undefined ? Number(all) : parseInt(digits, 16)
    return { start: match.index, end: match.index + all.length, value }
  })
}

function areNear (text: string, tokens: readonly Token[]): boolean {
  return tokens.every((token, i) => i === 0 || separator.test(text.slice(tokens[i - 1]!.end, token.start)))
}

function isSame (a: readonly number[], b: readonly number[]): boolean {
  return a.every((value, i) => value === b[i])
}

function replaceSpans (text: string, found: Span[], shown: string): string {
  let result = ''
  let done = 0
  for (const [start, end] of found.sort((a, b) => a[0] - b[0] || b[1] - a[1])) {
    if (end <= done) continue
    if (start >= done) result += text.slice(done, start) + shown
    done = end
  }
  return result + text.slice(done)
}

/** How an address is shown in a log line or a record. null stays null. */
export type ShowAddress = (ip: string | null) => string | null

/** `keySecret` is needed by `hmac` alone; the first one counts. */
export function showAddress (how: LogAddress, keySecret?: readonly string[]): ShowAddress {
  switch (how) {
    case 'full': return ip => ip
    case 'truncated': return ip => ip === null ? null : truncated(ip)
    case 'hmac': {
      const key = derivedKey(keySecret![0]!, 'log')
      return ip => ip === null ? null : createHmac('sha256', key).update(ip).digest('hex')
    }
    case 'none': return () => null
  }
}

/** The network that hosts share: /24 of IPv4, and /48 of IPv6, where a customer has a /56 or more. */
function truncated (ip: string): string | null {
  const family = parseAddress(ip)
  if (family === 0) return null
  return family === 4
    ? `${formatAddress(4, [0, 0, 0, words[3]! & 0xffffff00])}/24`
    : `${formatAddress(6, [words[0]!, (words[1]! & 0xffff0000) >>> 0, 0, 0])}/48`
}

/** What a provider says of an address, for a log line or a record that shows the address as `shown`. */
export function withoutAddress<T> (value: T, ip: string | null, shown: string | null): T {
  return ip === null || shown === ip ? value : redactStrings(value, redactAddress(ip, shown ?? HIDDEN))
}
