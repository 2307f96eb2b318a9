import { createHmac, timingSafeEqual } from 'node:crypto'
import { LRUCache } from 'lru-cache'
import { derivedKey } from '../util/index.ts'
import { badOption } from '../errors.ts'
import { canonicalAddress } from '../ip/index.ts'

/** What stands in Redis under which name. */
export interface Keys {
  /** What stands for an address wherever others see it: itself, or under a secret its HMAC-SHA-256 in hexadecimal. */
  id (ip: string): string
  /** The same under each secret, the current one first: other processes may know the address by any of them. */
  ids (ip: string): readonly string[]
  /** Whether a text can be an id. */
  isId (text: string): boolean
  readonly secret: boolean
  /** Under the current secret; without one, nothing. */
  sign (text: string): string
  /** Under any of the secrets; without one, always true. */
  verify (text: string, signature: string): boolean
  of (id: string): AddressKeys
  readonly allowed: string
  readonly forgotten: string
  readonly statements: string
}

/** The names of one address. They share a hash tag, so that one script may touch them in a Cluster. */
export interface AddressKeys {
  readonly verdict: string
  readonly lease: string
  readonly waiters: string
  readonly failed: string
}

/** An HMAC costs more than a request may; these are at hand. */
const IDS_KEPT = 10_000

/** `outerPrefix`: what the client of a Cluster puts before each name, and is hashed with it. */
export function createKeys (keyPrefix: string, keySecret: readonly string[] | undefined, outerPrefix = ''): Keys {
  if (hashTag(outerPrefix) === null) {
    throw badOption('redis', 'is a Cluster client whose "keyPrefix" may have braces only as one hash tag, such as "{app}:"')
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
      return { verdict: key, lease: name('lease', key), waiters: name('waiters', key), failed: name('failed', key) }
    },
    allowed: `ip-risk:{broadcasts}:allowed:${keyPrefix}`,
    forgotten: `ip-risk:{broadcasts}:forgotten:${keyPrefix}`,
    statements: `ip-risk:{broadcasts}:statements:${keyPrefix}`
  }
}

type Identity = Pick<Keys, 'id' | 'ids' | 'isId' | 'secret' | 'sign' | 'verify'>

const plain: Identity = {
  id: ip => ip,
  ids: ip => [ip],
  isId: text => canonicalAddress(text) === text,
  secret: false,
  sign: () => '',
  verify: () => true
}

function underSecrets (secrets: readonly string[]): Identity {
  const hashes = secrets.map(idsUnder)
  const signatures = secrets.map(secret => {
    const key = derivedKey(secret, 'broadcasts')
    return (text: string) => createHmac('sha256', key).update(text).digest()
  })
  return {
    id: hashes[0]!,
    ids: ip => hashes.map(hash => hash(ip)),
    isId: text => /^[0-9a-f]{64}$/.test(text),
    secret: true,
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
 * The part of a key that a Cluster hashes. Our names put the verdict key between braces, which other braces would end too early; `null`:
 * these do.
 */
function hashTag (prefix: string): string | undefined | null {
  if (!/[{}]/.test(prefix)) return undefined
  return /^[^{}]*\{([^{}]+)\}[^{}]*$/.exec(prefix)?.[1] ?? null
}
