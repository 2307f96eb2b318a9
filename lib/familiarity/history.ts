/**
 * How strongly the account proved itself when a network was learned: `trust()` of the application, or a satisfied
 * step-up.
 */
export const TRUSTED = 1
export const CONFIRMED = 2
export type Strength = typeof TRUSTED | typeof CONFIRMED

/** A network that an account came from. Every text is an HMAC. */
export interface KnownNetwork {
  /** The network together with the device. */
  readonly id: string
  readonly network: string
  /** Empty where the provider gave none, as `country` may be. */
  readonly asn: string
  readonly country: string
  readonly firstMs: number
  readonly lastMs: number
  readonly count: number
  readonly strength: number
  /** When a step-up was satisfied from here last; 0: never. */
  readonly confirmedMs: number
}

/** All that is remembered of an account. `place` is a ciphertext, or empty. */
export interface History { readonly networks: readonly KnownNetwork[], readonly place: string }

/** What is learned of one request. */
export interface Lesson extends Pick<KnownNetwork, 'id' | 'network' | 'asn' | 'country'> {
  readonly strength: Strength
  readonly atMs: number
  readonly place: string
}

export const nothingKnown: History = { networks: [], place: '' }

export interface Bounds { readonly rememberMs: number, readonly maxNetworks: number }

/**
 * The history with the lesson in it. No lesson makes a network weaker, and none that is weaker than a remembered one
 * takes its place: a flood of logins with a stolen password drops no confirmed network.
 */
export function learned (history: History, lesson: Lesson, { rememberMs, maxNetworks }: Bounds): History {
  const { id, network, asn, country, atMs, strength, place } = lesson
  const held = history.networks.find(one => one.id === id)
  const updated: KnownNetwork = {
    id,
    network,
    asn,
    country,
    firstMs: held?.firstMs ?? atMs,
    lastMs: Math.max(atMs, held?.lastMs ?? 0),
    count: (held?.count ?? 0) + 1,
    strength: Math.max(strength, held?.strength ?? 0),
    confirmedMs: strength === CONFIRMED ? atMs : held?.confirmedMs ?? 0
  }
  const networks = [...history.networks.filter(one => one.id !== id && atMs - one.lastMs < rememberMs), updated]
    .sort((a, b) => b.strength - a.strength || b.lastMs - a.lastMs)
    .slice(0, maxNetworks)
  return { networks, place: place === '' ? history.place : place }
}

/** One line a network, for a store. */
export function writeNetwork (one: KnownNetwork): string {
  const { network, asn, country, firstMs, lastMs, count, strength, confirmedMs } = one
  return [network, asn || '-', country || '-', firstMs, lastMs, count, strength, confirmedMs].join(' ')
}

/** undefined where the text was not written by `writeNetwork`. */
export function readNetwork (id: string, text: string): KnownNetwork | undefined {
  const parts = text.split(' ')
  const [network, asn, country] = parts
  const [firstMs, lastMs, count, strength, confirmedMs] = parts.slice(3).map(Number)
  if (parts.length !== 8 || ![firstMs, lastMs, count, strength, confirmedMs].every(Number.isSafeInteger)) {
    return undefined
  }
  return {
    id,
    network: network!,
    asn: asn === '-' ? '' : asn!,
    country: country === '-' ? '' : country!,
    firstMs: firstMs!,
    lastMs: lastMs!,
    count: count!,
    strength: strength!,
    confirmedMs: confirmedMs!
  }
}
