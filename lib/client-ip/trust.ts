import type { AddressScope } from '../../types/contract.ts'
import {
  type Cidr, networksOf as networksOfScopes, parseCidr, type RangeMap, rangeMap, type RangeMapEntry, SCOPE_MASK,
  scopeEntries
} from '../ip/index.ts'

/**
 * What one search says of an address: its scope (the low bits), and which of the operator's sets it is in. The walk
 * asks once a hop.
 */
export const TRUSTED: number = 1 << 5
/** In Cloudflare's ranges, whether or not `cloudflare` is on. */
export const CLOUDFLARE: number = 1 << 6
/** By the options, it carries CF-Connecting-IP. */
export const VIA: number = 1 << 7
/** Never the address of a client that came over the internet. */
export const NON_PUBLIC: number = 1 << 8
/** IPv4 class E: what Cloudflare's Pseudo IPv4 makes up for IPv6 clients. */
export const CLASS_E: number = 1 << 9

const scoped = (...names: readonly AddressScope[]): readonly string[] =>
  networksOfScopes(scope => names.includes(scope))

/** A direct client of the internet never has one of these. */
const nonPublic = scoped('private', 'shared', 'loopback', 'link_local')

/** `private` and `uniquelocal` are one: proxy-addr has the second word for both. */
const words: Readonly<Record<string, readonly string[]>> = {
  unix: [],
  loopback: scoped('loopback'),
  private: scoped('private'),
  uniquelocal: scoped('private'),
  linklocal: scoped('link_local'),
  cgnat: scoped('shared')
}

/** A network that an option named, and the text that named it. */
export interface Named { readonly cidr: Cidr, readonly text: string }

/** The networks of one entry. Throws a `RangeError` that says what is wrong with the text. */
export function networksOf (text: string): readonly Named[] {
  const word = Object.hasOwn(words, text) ? words[text]! : undefined
  if (word !== undefined) return word.map(cidr => ({ cidr: parseCidr(cidr), text }))
  const cidr = parseCidr(text)
  if (cidr.prefix === 0) {
    throw new RangeError(`"${text}" is every address there is, so every visitor could forge one: list your proxies`)
  }
  return [{ cidr, text }]
}

export const trustWords: readonly string[] = Object.keys(words)

interface TrustSets {
  readonly trusted: readonly Named[]
  readonly via: readonly Named[]
  readonly cloudflare: readonly Cidr[]
  /** Every address, for tests behind nothing. */
  readonly everyHop: boolean
}

export function trustMap ({ trusted, via, cloudflare, everyHop }: TrustSets): RangeMap {
  const marked = (cidrs: Iterable<Cidr>, value: number): RangeMapEntry[] => [...cidrs].map(cidr => ({ cidr, value }))
  const entries = [
    ...scopeEntries.map(({ cidr, value }) => ({ cidr, value: value | SCOPE })),
    ...marked(nonPublic.map(parseCidr), NON_PUBLIC),
    ...marked([parseCidr('240.0.0.0/4')], CLASS_E),
    ...marked(cloudflare, CLOUDFLARE),
    ...marked(trusted.map(named => named.cidr), TRUSTED),
    ...marked(via.map(named => named.cidr), VIA)
  ]
  return rangeMap(entries, everyHop ? TRUSTED : 0, narrower)
}

/** Marks an entry that sets the scope, not one that only adds a mark; never leaves this file. */
const SCOPE = 1 << 15

function narrower (outer: number, inner: number): number {
  return (inner & SCOPE) !== 0 ? (outer & ~SCOPE_MASK) | (inner & ~SCOPE) : outer | inner
}

/** Pairs of entries of which one makes the other superfluous, by their first address. */
export function overlaps (entries: readonly Named[]): string[] {
  const sorted = entries.map(({ cidr, text }) => {
    const first = cidr.words.reduce((sum, word) => (sum << 32n) | BigInt(word), 0n)
    return { text, cidr, first, end: first + (1n << BigInt((cidr.family === 4 ? 32 : 128) - cidr.prefix)) }
  }).sort((a, b) => a.cidr.family - b.cidr.family ||
    (a.first < b.first ? -1 : a.first > b.first ? 1 : a.cidr.prefix - b.cidr.prefix))
  const found: string[] = []
  let wide = sorted[0]
  for (const entry of sorted.slice(1)) {
    if (wide!.cidr.family === entry.cidr.family && entry.first < wide!.end) {
      found.push(wide!.text === entry.text
        ? `"${entry.text}" is there twice`
        : `"${entry.text}" is inside ` +
        `"${wide!.text}"`)
    } else wide = entry
  }
  return found
}
