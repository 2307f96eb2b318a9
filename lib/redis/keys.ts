import { createHmac, timingSafeEqual } from 'node:crypto'
import { LRUCache } from 'lru-cache'
import type { KnownAnswer } from '../../types/contract.ts'
import type { AgeLimits } from '../cache/index.ts'
import { badOption } from '../errors.ts'
import { HIDDEN, redactAddress, redactStrings } from '../ip/index.ts'
import { isName } from '../policy/index.ts'
import { derivedKey, seal, unseal } from '../util/index.ts'
import { isObject, type KnownResult, parseStoredBody, toIplogsBody } from '../verdict/index.ts'

/** The names of keys in Redis. */
export interface Keys {
  /** An address as other programs see it: itself, or with a secret its HMAC-SHA-256 in hexadecimal. */
  id (ip: string): string
  /** The same under each secret, the current one first: other processes may use any of them. */
  ids (ip: string): readonly string[]
  /** Whether a text can be an id. */
  isId (text: string): boolean
  readonly secret: boolean
  /** Encrypted under the current secret, and bound to the id; without one, as it is, in base64url. */
  seal (id: string, text: string): string
  /** Under any of the secrets. undefined where it is not ours. */
  unseal (id: string, sealed: string): string | undefined
  /** Under the current secret; without one, an empty text. */
  sign (text: string): string
  /** Under any of the secrets; without one, always true. */
  verify (text: string, signature: string): boolean
  of (id: string): AddressKeys
  readonly allowed: string
  readonly forgotten: string
  readonly statements: string
}

/** The keys of one address. They share a hash tag, so that one script may use them in a Cluster. */
export interface AddressKeys {
  readonly verdict: string
  readonly lease: string
  readonly waiters: string
  readonly failed: string
  /** There while an address was invalidated not long ago. */
  readonly forgotten: string
}

/** Cached HMACs: computing one costs more than a request may. */
const IDS_KEPT = 10_000

/** `outerPrefix`: what the client of a Cluster puts before each key, and is hashed with it. */
export function createKeys (keyPrefix: string, keySecret: readonly string[] | undefined, outerPrefix = ''): Keys {
  if (hashTag(outerPrefix) === null) {
    throw badOption('redis', 'is a Cluster client whose "keyPrefix" may have braces only as one hash tag, such as ' +
      '"{app}:"')
  }
  const tag = hashTag(outerPrefix + keyPrefix)
  if (tag === null) throw badOption('cache.keyPrefix', 'may have braces only as one hash tag, such as "{app}:"')
  const name = tag === undefined
    ? (kind: string, key: string) => `ip-risk:${kind}:{${outerPrefix}${key}}`
    : (kind: string, key: string) => `ip-risk:${kind}:{${tag}}${key}`
  return {
    ...keySecret === undefined ? plain : underSecrets(keySecret),
    of (id) {
      const key = keyPrefix + id
      return {
        verdict: key,
        lease: name('lease', key),
        waiters: name('waiters', key),
        failed: name('failed', key),
        forgotten: name('forgotten', key)
      }
    },
    allowed: `ip-risk:{broadcasts}:allowed:${keyPrefix}`,
    forgotten: `ip-risk:{broadcasts}:forgotten:${keyPrefix}`,
    statements: `ip-risk:{broadcasts}:statements:${keyPrefix}`
  }
}

type Identity = Pick<Keys, 'id' | 'ids' | 'isId' | 'secret' | 'seal' | 'unseal' | 'sign' | 'verify'>

const plain: Identity = {
  id: ip => ip,
  ids: ip => [ip],
  isId: text => isName(text),
  secret: false,
  seal: (_id, text) => Buffer.from(text).toString('base64url'),
  unseal: (_id, sealed) => Buffer.from(sealed, 'base64url').toString(),
  sign: () => '',
  verify: () => true
}

function underSecrets (secrets: readonly string[]): Identity {
  const hashes = secrets.map(idsUnder)
  const sealKeys = secrets.map(secret => derivedKey(secret, 'exceptions'))
  const signatures = secrets.map(secret => {
    const key = derivedKey(secret, 'broadcasts')
    return (text: string) => createHmac('sha256', key).update(text).digest()
  })
  return {
    id: hashes[0]!,
    ids: ip => hashes.map(hash => hash(ip)),
    isId: text => /^[0-9a-f]{64}$/.test(text),
    secret: true,
    seal: (id, text) => seal(sealKeys[0]!, id, text),
    unseal (id, sealed) {
      for (const key of sealKeys) {
        const text = unseal(key, id, sealed)
        if (text !== undefined) return text
      }
      return undefined
    },
    sign: text => signatures[0]!(text).toString('hex'),
    verify (text, signature) {
      const given = Buffer.from(signature, 'hex')
      return given.length === 32 && signatures.some(sign => timingSafeEqual(given, sign(text)))
    }
  }
}

function idsUnder (secret: string): (ip: string) => string {
  const key = derivedKey(secret, 'ids')
  const ids = new LRUCache<string, string>({ max: IDS_KEPT })
  return ip => {
    let id = ids.get(ip)
    if (id === undefined) ids.set(ip, id = createHmac('sha256', key).update(ip).digest('hex'))
    return id
  }
}

/**
 * The part of a key that a Cluster hashes. Our keys have the key of the verdict between braces; `null`: braces in the
 * prefix would end it too early.
 */
function hashTag (prefix: string): string | undefined | null {
  if (!/[{}]/.test(prefix)) return undefined
  return /^[^{}]*\{([^{}]+)\}[^{}]*$/.exec(prefix)?.[1] ?? null
}

/**
 * An entry in Redis: the body of an IPLogs answer, with the provider and the time. Programs that follow the IPLogs
 * guide read and write the same, without `provider` and `checked_at`.
 */
export interface EntryFormat {
  write (ip: string, verdict: KnownResult): string
  /** How long it stays fresh from now on; negative when it is no longer fresh. */
  freshForMs (verdict: KnownResult): number
  /** `foreign`: written by a program that does not follow the guide; `undefined`: unusable, and may be replaced. */
  read (ip: string, text: string, remainingMs: number): KnownResult | 'foreign' | undefined
}

interface EntryOptions {
  readonly ages: AgeLimits
  /** Names under which the configured provider answers. */
  readonly names: readonly string[]
  /** Leaves out the address, also in texts. */
  readonly secret: boolean
  readonly now: () => number
}

function wellFormed (_name: string, value: unknown): unknown {
  return typeof value === 'string' ? value.toWellFormed() : value
}

/** The provider of an entry without `provider`. */
const DEFAULT_PROVIDER = 'iplogs'

export function createEntryFormat ({ ages, names, secret, now }: EntryOptions): EntryFormat {
  return {
    write (ip, { answer, provider, checkedAtMs }) {
      const body = secret
        ? redactStrings(toIplogsBody(answer, null), redactAddress(ip, HIDDEN))
        : toIplogsBody(answer, ip)
      const entry = { ...body, provider, checked_at: new Date(checkedAtMs).toISOString() }
      const text = JSON.stringify(entry)
      // Other programs, and Lua, refuse an entry with half a surrogate pair.
      return text.includes('\\ud') ? JSON.stringify(entry, wellFormed) : text
    },
    freshForMs: ({ provider, checkedAtMs }) => ages.freshMs(provider) - (now() - checkedAtMs),
    read (ip, text, remainingMs) {
      const entry = remainingMs < 0 ? undefined : parse(text)
      if (!isObject(entry)) return 'foreign'
      const named = entry['provider'] ?? DEFAULT_PROVIDER
      const provider = names.find(name => name === named)
      if (provider === undefined) return undefined
      const answer = parseStoredBody(entry, secret ? null : ip)
      const freshMs = ages.freshMs(provider)
      const checkedAtMs = checkedAt(entry['checked_at'], remainingMs, freshMs)
      if (answer === null || !(now() - checkedAtMs < freshMs)) return undefined
      return Object.freeze({ answer: freeze(answer), provider, checkedAtMs, cache: 'redis' as const })
    }
  }

  /** As the entry has it. Without one, or in the future, by its remaining life; NaN where that exceeds `freshMs`. */
  function checkedAt (written: unknown, remainingMs: number, freshMs: number): number {
    const nowMs = now()
    const checkedAtMs = typeof written === 'string' ? Date.parse(written) : NaN
    if (checkedAtMs <= nowMs) return checkedAtMs
    return remainingMs > freshMs ? NaN : nowMs - (freshMs - remainingMs)
  }
}

function parse (text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function freeze (answer: KnownAnswer): KnownAnswer {
  for (const signal of answer.signals) Object.freeze(signal)
  Object.freeze(answer.signals)
  if (answer.info.vpnProviderSources !== undefined) Object.freeze(answer.info.vpnProviderSources)
  Object.freeze(answer.info)
  Object.freeze(answer.categories)
  return Object.freeze(answer)
}
