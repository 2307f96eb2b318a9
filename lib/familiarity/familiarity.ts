import { createHmac, randomBytes } from 'node:crypto'
import type { Familiarity, IpRisk } from '../../types/contract.ts'
import { effectiveAddress, subnetKey } from '../ip/index.ts'
import { asnOf } from '../policy/index.ts'
import type { ScriptRunner } from '../redis/index.ts'
import { derivedKey } from '../util/index.ts'
import { type Bounds, CONFIRMED, type History, type KnownNetwork, type Strength } from './history.ts'
import { type AccountMemory, createAccountMemory, type Marks, type Remembered } from './memory.ts'
import { decryptPlace, encryptPlace, isImpossible, placeOf } from './places.ts'
import { FORGOTTEN_MS, memoryStore, redisStore } from './store.ts'

/** A request as an account's history sees it. */
export interface Visit {
  readonly account: string
  readonly device: string | null
  readonly risk: Pick<IpRisk, 'ip' | 'verdict' | 'info' | 'categories'>
}

/** Answers how well an account knows the network of a request, and learns. `atMs`: when the request came. */
export interface FamiliarityService {
  /** At once where memory answers. Rejects when Redis does not answer in time. */
  of (visit: Visit, bounds: Bounds, atMs?: number): Familiarity | Promise<Familiarity>
  /** Learns nothing from a request without an address, or an hour old, or before its account was forgotten. */
  learn (visit: Visit, strength: Strength, bounds: Bounds, atMs?: number): Promise<void>
  /**
   * In every process: at once where messages arrive, within a minute elsewhere. Rejects when Redis does not answer:
   * then nothing may have been forgotten.
   */
  forget (account: string): Promise<void>
}

interface FamiliarityParts {
  readonly redis: ScriptRunner | undefined
  /** The current one first. Undefined without Redis: then a random one for this process. */
  readonly secrets: readonly string[] | undefined
  readonly keyPrefix: string
  readonly now: () => number
  readonly memory?: AccountMemory
  /** Makes every other process forget an account, by its HMAC. Rejects when Redis does not answer. */
  readonly announce?: ((key: string) => Promise<void>) | undefined
}

/** No clock of a fleet is further ahead; a time that is was not written by it. */
const FUTURE_MS = 300_000

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
    createHmac('sha256', key).update(JSON.stringify(['account', account])).digest('hex')

  /** With the account in every HMAC, nobody can see that two accounts share a network. */
  function remembered ({ account, device, risk: { ip, info: { asn, countryCode: country } } }: Visit): Remembered {
    const held = memory.get(account)
    if (held !== undefined && held.asn === asn && held.country === country && held.device === device &&
      isInBlock(ip!, held)) return held
    const block = blockOf(ip!)
    const key = held?.key ?? accountKey(account, hashKey)
    const number = asn === undefined ? '' : String(asnOf(asn) || asn)
    const network = hmac(key, 'network', number, block)
    const marks = {
      id: hmac(key, 'device', network, device ?? ''),
      network,
      asn: number === '' ? '' : hmac(key, 'asn', number),
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
  function degreeOf (
    { networks, place }: History, { key, marks, device }: Remembered, risk: Visit['risk'], rememberMs: number,
    atMs: number
  ): Familiarity {
    // Anybody can take the exit of a VPN that the account uses, so there the device must be the same.
    const isShared = risk.verdict === 'vpn_likely' || risk.verdict === 'vpn_detected'
    let familiarity: Familiarity = 'first'
    for (const one of networks) {
      if (atMs - one.lastMs >= rememberMs || one.lastMs - atMs > FUTURE_MS) continue
      const isSame = isShared ? device !== null && one.id === marks.id : one.network === marks.network
      if (isSame && one.strength >= CONFIRMED && atMs - one.confirmedMs < rememberMs) return 'known'
      if (isSimilar(one, marks)) familiarity = 'similar'
      else if (familiarity === 'first') familiarity = 'new'
    }
    // Without an answer no network can match, and an outage must not make strangers of all.
    if (familiarity === 'new' && risk.verdict === 'unknown') return 'unknown'
    if (familiarity === 'first' || place === '') return familiarity
    const here = placeOf(risk, atMs)
    const last = here === undefined ? undefined : decryptPlace(placeKey, key, place)
    return last !== undefined && isImpossible(last, here!) ? 'impossible' : familiarity
  }

  /**
   * The place to keep. `trust()` may follow a password alone, and moves the place no faster than a person travels:
   * a thief of the password who logs in far away stays `impossible` there.
   */
  async function placeToKeep (
    found: Remembered, risk: Visit['risk'], strength: Strength, nowMs: number
  ): Promise<string> {
    const here = placeOf(risk, nowMs)
    if (here === undefined) return ''
    if (strength < CONFIRMED) {
      const { place } = found.history !== undefined && found.untilMs > nowMs
        ? found.history
        : await store.read(found.key)
      const last = place === '' ? undefined : decryptPlace(placeKey, found.key, place)
      if (last !== undefined && isImpossible(last, here)) return ''
    }
    return encryptPlace(placeKey, found.key, here)
  }

  return {
    of (visit, bounds, atMs = now()) {
      const { risk } = visit
      if (risk.ip === null) return 'unknown'
      const found = remembered(visit)
      if (found.history !== undefined && found.untilMs > atMs) {
        return degreeOf(found.history, found, risk, bounds.rememberMs, atMs)
      }
      const history = store.read(found.key)
      return history instanceof Promise
        ? history.then(history => degreeOf(keep(found, history), found, risk, bounds.rememberMs, atMs))
        : degreeOf(keep(found, history), found, risk, bounds.rememberMs, atMs)
    },
    async learn (visit, strength, bounds, atMs = now()) {
      const { account, risk } = visit
      const nowMs = Math.floor(now())
      // For how long it is known that an account was forgotten.
      if (risk.ip === null || nowMs - atMs >= FORGOTTEN_MS) return
      const found = remembered(visit)
      const place = await placeToKeep(found, risk, strength, nowMs)
      const lesson = { ...found.marks, strength, atMs: nowMs, place }
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

/** The /24 of an IPv4 address, also of one inside the IPv6 address of a translator; the /48 of an IPv6 address. */
function blockOf (ip: string): string {
  const asked = effectiveAddress(ip)
  return asked.includes(':') ? subnetKey(asked, 48)! : asked.slice(0, asked.lastIndexOf('.'))
}

/** Three octets, or three groups: with `::` in them, they show no block, and neither do those of a translator. */
function blockTextOf (ip: string): string {
  if (!ip.includes(':')) return ip.slice(0, ip.lastIndexOf('.') + 1)
  if (!blockOf(ip).includes(':')) return ''
  return /^(?:[0-9a-f]+:){3}/.exec(ip)?.[0] ?? ''
}

/** Compares texts where it can, which allocates nothing. */
function isInBlock (ip: string, { block, blockText }: Remembered): boolean {
  return blockText !== '' && ip.startsWith(blockText) ? true : blockOf(ip) === block
}
