import { createHmac } from 'node:crypto'
import { LRUCache } from 'lru-cache'
import { badOption } from '../errors.ts'

/** What stands in Redis under which name. */
export interface Keys {
  /** What stands for an address wherever others see it: itself, or under a secret its HMAC-SHA-256 in hexadecimal. */
  id (ip: string): string
  readonly secret: boolean
  of (id: string): AddressKeys
  readonly allowed: string
  readonly forgotten: string
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
export function createKeys (keyPrefix: string, keySecret: string | undefined, outerPrefix = ''): Keys {
  if (hashTag(outerPrefix) === null) {
    throw badOption('redis', 'is a Cluster client whose "keyPrefix" may have braces only as one hash tag, such as "{app}:"')
  }
  const tag = hashTag(outerPrefix + keyPrefix)
  if (tag === null) throw badOption('cache.keyPrefix', 'may have braces only as one hash tag, such as "{app}:"')
  const name = tag === undefined
    ? (kind: string, key: string) => `ip-risk:${kind}:{${outerPrefix}${key}}`
    : (kind: string, key: string) => `ip-risk:${kind}:{${tag}}${key}`
  return {
    id: keySecret === undefined ? ip => ip : underSecret(keySecret),
    secret: keySecret !== undefined,
    of (id) {
      const key = keyPrefix + id
      return { verdict: key, lease: name('lease', key), waiters: name('waiters', key), failed: name('failed', key) }
    },
    allowed: `ip-risk:{notices}:allowed:${keyPrefix}`,
    forgotten: `ip-risk:{notices}:forgotten:${keyPrefix}`
  }
}

function underSecret (secret: string): (ip: string) => string {
  const ids = new LRUCache<string, string>({ max: IDS_KEPT })
  return ip => {
    let id = ids.get(ip)
    if (id === undefined) ids.set(ip, id = createHmac('sha256', secret).update(ip).digest('hex'))
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
