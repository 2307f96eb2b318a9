import { createHmac, randomBytes } from 'node:crypto'
import type { Familiarity, IpRisk } from '../../types/contract.ts'
import { subnetKey } from '../ip/index.ts'
import type { ScriptRunner } from '../redis/index.ts'
import { derivedKey } from '../util/index.ts'
import { type Bounds, CONFIRMED, type History, type KnownNetwork, type Strength } from './history.ts'
import { type AccountMemory, createAccountMemory, type Marks, type Remembered } from './memory.ts'
import { decryptPlace, encryptPlace, isImpossible, placeOf } from './places.ts'
import { memoryStore, redisStore } from './store.ts'

/** A request as an account's history sees it. */
export interface Visit { readonly account: string, readonly device: string | null, readonly risk: IpRisk }

/** Answers how well an account knows the network of a request, and learns. `atMs`: when the request came. */
export interface FamiliarityService {
  /** At once where memory answers. Rejects when Redis does not answer in time. */
  of (visit: Visit, bounds: Bounds, atMs?: number): Familiarity | Promise<Familiarity>
  /** Learns nothing from a request without an address, or that came before its account was forgotten. */
  learn (visit: Visit, strength: Strength, bounds: Bounds, atMs?: number): Promise<void>
  /**
   * In every process: at once where messages arrive, within a minute elsewhere. Rejects when Redis does not answer:
   * then nothing may have been forgotten.
   */
  forget (account: string): Promise<void>
}

export interface FamiliarityParts {
  readonly redis: ScriptRunner | undefined
  /** The current one first. Undefined without Redis: then a random one for this process. */
  readonly secrets: readonly string[] | undefined
  readonly keyPrefix: string
  readonly now: () => number
  readonly memory?: AccountMemory
  /** Makes every other process forget an account, by its HMAC. Rejects when Redis does not answer. */
  readonly announce?: ((key: string) => Promise<void>) | undefined
}

/** How long a process answers from its memory what another one may have changed in Redis: less than a minute. */
const FRESH_MS = 50_000

export function createFamiliarity (parts: FamiliarityParts): FamiliarityService {
  const { redis, secrets = [randomBytes(32).toString('hex')], keyPrefix, now, memory = createAccountMemory() } = parts
  const hashKeys = secrets.map(secret => derivedKey(secret, 'familiarity'))
  const hashKey = hashKeys[0]!
  const placeKey = derivedKey(secrets[0]!, 'places')
  const store = redis === undefined ? memoryStore() : redisStore(redis, keyPrefix)
  const freshMs = redis === undefined ? Infinity : FRESH_MS
  const hmac = (...parts: readonly string[]): string =>
    createHmac('sha256', hashKey).update(JSON.stringify(parts)).digest('base64url').slice(0, 22)
  const accountKey = (account: string, key: Buffer): string =>
    createHmac('sha256', key).update(`account ${account}`).digest('hex')

  /** With the account in every HMAC, nobody can see that two accounts share a network. */
  function remembered ({ account, device, risk: { ip, info: { asn, countryCode: country } } }: Visit): Remembered {
    const held = memory.get(account)
    if (held !== undefined && held.asn === asn && held.country === country && held.device === device &&
      isInBlock(ip!, held)) return held
    const block = blockOf(ip!)
    const key = held?.key ?? accountKey(account, hashKey)
    const network = hmac(key, 'network', asn ?? '', block)
    const marks = {
      id: hmac(key, 'device', network, device ?? ''),
      network,
      asn: asn === undefined ? '' : hmac(key, 'asn', asn),
      country: country === undefined ? '' : hmac(key, 'country', country.toUpperCase())
    }
    const { history, untilMs = 0 } = held ?? {}
    const made = { key, marks, block, blockText: blockTextOf(ip!), asn, country, device, history, untilMs }
    memory.set(account, made)
    return made
  }

  /** Keeps the history with the HMACs. Where the account was dropped meanwhile, nobody finds them. */
  function keep (remembered: Remembered, history: History): History {
    remembered.history = history
    remembered.untilMs = now() + freshMs
    return history
  }

  /** Without an allocation, as all that runs for each write. */
  function judge (
    { networks, place }: History, { key, marks, device }: Remembered, risk: IpRisk, rememberMs: number, atMs: number
  ): Familiarity {
    // Anybody can take the exit of a VPN that the account uses, so there the device must be the same.
    const isShared = risk.verdict === 'vpn_likely' || risk.verdict === 'vpn_detected'
    let familiarity: Familiarity = 'first'
    for (const one of networks) {
      if (atMs - one.lastMs >= rememberMs) continue
      const isSame = isShared ? device !== null && one.id === marks.id : one.network === marks.network
      if (isSame && one.strength >= CONFIRMED && atMs - one.confirmedMs < rememberMs) return 'known'
      if (isSimilar(one, marks)) familiarity = 'similar'
      else if (familiarity === 'first') familiarity = 'new'
    }
    if (familiarity === 'first' || place === '') return familiarity
    const here = placeOf(risk, atMs)
    const last = here === undefined ? undefined : decryptPlace(placeKey, key, place)
    return last !== undefined && isImpossible(last, here!) ? 'impossible' : familiarity
  }

  return {
    of (visit, bounds, atMs = now()) {
      const { risk } = visit
      if (risk.ip === null) return 'unknown'
      const found = remembered(visit)
      if (found.history !== undefined && found.untilMs > atMs) {
        return judge(found.history, found, risk, bounds.rememberMs, atMs)
      }
      const history = store.read(found.key)
      return history instanceof Promise
        ? history.then(history => judge(keep(found, history), found, risk, bounds.rememberMs, atMs))
        : judge(keep(found, history), found, risk, bounds.rememberMs, atMs)
    },
    async learn (visit, strength, bounds, atMs = now()) {
      const { account, risk } = visit
      if (risk.ip === null) return
      const found = remembered(visit)
      const nowMs = Math.floor(now())
      const place = placeOf(risk, nowMs)
      const lesson = {
        ...found.marks,
        strength,
        atMs: nowMs,
        place: place === undefined ? '' : encryptPlace(placeKey, found.key, place)
      }
      // What was read before or meanwhile is no longer true.
      const withoutHistory = (): void => {
        if (memory.get(account) !== undefined) memory.set(account, { ...remembered(visit), history: undefined })
      }
      withoutHistory()
      try {
        await store.learn(found.key, lesson, bounds, Math.max(0, nowMs - atMs))
      } finally {
        withoutHistory()
      }
    },
    async forget (account) {
      memory.drop(account)
      try {
        for (const hashKey of hashKeys) {
          const key = accountKey(account, hashKey)
          await store.forget(key)
          await parts.announce?.(key)
        }
      } finally {
        memory.drop(account)
      }
    }
  }
}

function isSimilar (one: KnownNetwork, { network, asn, country }: Marks): boolean {
  return one.network === network || (asn !== '' && one.asn === asn) || (country !== '' && one.country === country)
}

/** The /24 of an IPv4 address, the /48 of an IPv6 address. */
function blockOf (ip: string): string {
  return ip.includes(':') ? subnetKey(ip, 48)! : ip.slice(0, ip.lastIndexOf('.'))
}

/** Three octets, or three groups: with `::` in them, they show no block. */
function blockTextOf (ip: string): string {
  if (!ip.includes(':')) return ip.slice(0, ip.lastIndexOf('.') + 1)
  return /^(?:[0-9a-f]+:){3}/.exec(ip)?.[0] ?? ''
}

/** Compares texts where it can, which allocates nothing. */
function isInBlock (ip: string, { block, blockText }: Remembered): boolean {
  return blockText !== '' && ip.startsWith(blockText) ? true : blockOf(ip) === block
}
