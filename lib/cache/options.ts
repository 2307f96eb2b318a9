import type { CacheOptions, Provider } from '../../types/contract.ts'
import { badOption } from '../errors.ts'
import { checkString, checkStrings, int, readObject, real, type Specification, text } from '../util/index.ts'
import { membersOf } from '../verdict/index.ts'

export interface CacheSettings {
  readonly ttlSeconds: number
  readonly maxEntries: number
  readonly keyPrefix: string
  /** The current secret, and the previous one while it changes. */
  readonly keySecret: readonly string[] | undefined
  readonly unknownTtlSeconds: number
  readonly staleIfErrorSeconds: number
  readonly redisTimeoutMs: number
}

/** GetIPIntel's terms allow six hours. */
const MAX_TTL_SECONDS = 21_600
const MIN_SECRET_LENGTH = 16

const specification = {
  ttlSeconds: int(1, MAX_TTL_SECONDS, 300),
  maxEntries: int(1, 10_000_000, 10_000),
  keyPrefix: text(''),
  keySecret: readSecrets,
  unknownTtlSeconds: real(0, 3600, 10),
  staleIfErrorSeconds: real(0, 86_400, 3600),
  redisTimeoutMs: int(1, 10_000, 100)
} satisfies Specification<CacheOptions>

export const readCache = (given: CacheOptions | undefined): CacheSettings => readObject('cache', given, specification)

function readSecrets (path: string, given: unknown): readonly string[] | undefined {
  if (given === undefined) return undefined
  const secrets = Array.isArray(given) ? checkStrings(path, given) : [checkString(path, given, '')]
  if (secrets.some(secret => secret.length < MIN_SECRET_LENGTH)) {
    throw badOption(path, `must have at least ${MIN_SECRET_LENGTH} characters: every address can be guessed, so the ` +
      'secret alone protects them')
  }
  if (secrets.length < 1 || secrets.length > 2 || secrets[0] === secrets[1]) {
    throw badOption(path, 'must be one secret, or [current, previous] while it changes')
  }
  return secrets
}

/** How old an answer may become, by the name of its provider. */
export interface AgeLimits {
  /** Below this age an answer is served. */
  freshMs (provider: string): number
  /** Below this age it is served when the provider fails. */
  keptMs (provider: string): number
}

/** `ttlSeconds` and `staleIfErrorSeconds`, limited by the `maxAgeSeconds` of each provider. */
export function ageLimits (
  cache: Pick<CacheSettings, 'ttlSeconds' | 'staleIfErrorSeconds'>, root: Provider
): AgeLimits {
  const ttlMs = cache.ttlSeconds * 1000
  const allMs = ttlMs + cache.staleIfErrorSeconds * 1000
  const maxAgeMs = new Map<string, number>()
  const leastMs = addMaxAges(maxAgeMs, root, Infinity)
  const limitOf = (provider: string): number => maxAgeMs.get(provider) ?? leastMs
  return {
    // Called on every memory hit: no search where it changes nothing.
    freshMs: leastMs >= ttlMs ? () => ttlMs : provider => Math.min(ttlMs, limitOf(provider)),
    keptMs: provider => Math.min(allMs, limitOf(provider))
  }
}

/** An answer under a composite's own name may have a part of each member: it gets the smallest limit, the result. */
function addMaxAges (maxAgeMs: Map<string, number>, provider: Provider, outerMs: number): number {
  const { name, maxAgeSeconds } = provider
  const ownMs = Math.min(outerMs, (maxAgeSeconds ?? Infinity) * 1000)
  const leastMs = Math.min(ownMs, ...membersOf(provider).map(member => addMaxAges(maxAgeMs, member, ownMs)))
  maxAgeMs.set(name, Math.min(leastMs, maxAgeMs.get(name) ?? Infinity))
  return leastMs
}
