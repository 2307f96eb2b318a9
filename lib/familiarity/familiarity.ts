import { createHmac, randomBytes } from 'node:crypto'
import { LRUCache } from 'lru-cache'
import type { Familiarity, IpRisk } from '../../types/contract.ts'
import { subnetKey } from '../ip/index.ts'
import type { ScriptRunner } from '../redis/index.ts'
import { derivedKey } from '../util/index.ts'
import { type Bounds, CONFIRMED, type History, type KnownNetwork, type Strength } from './history.ts'
import { decryptPlace, encryptPlace, isImpossible, type Place, placeOf } from './places.ts'
import { memoryStore, redisStore } from './store.ts'

/** A request as an account's history sees it. */
export interface Visit { readonly account: string, readonly device: string | null, readonly risk: IpRisk }

/** Answers how well an account knows the network of a request, and learns. */
export interface FamiliarityService {
  /** At once where memory answers. Rejects when Redis does not answer in time. */
  of (visit: Visit, bounds: Bounds): Familiarity | Promise<Familiarity>
  /** Learns nothing from a request without an address. */
  learn (visit: Visit, strength: Strength, bounds: Bounds): Promise<void>
  /** Rejects when Redis does not answer: then nothing may have been forgotten. */
  forget (account: string): Promise<void>
}

export interface FamiliarityParts {
  readonly redis: ScriptRunner | undefined
  /** Undefined without Redis: then a random one for this process. */
  readonly secret: string | undefined
  readonly keyPrefix: string
  readonly now: () => number
}

type Marks = Pick<KnownNetwork, 'id' | 'network' | 'asn' | 'country'>

/** The HMACs of an account's latest network: they cost ten times as much as the rest of a decision. */
interface Hashed {
  readonly key: string
  readonly marks: Marks
  readonly block: string
  readonly asn: string | undefined
  readonly country: string | undefined
  readonly device: string | null
}
const MAX_HASHED = 10_000
/** A visitor may choose the text of a device, and must not fill the memory with it. */
const MAX_HASHED_LENGTH = 256

export function createFamiliarity ({ redis, secret, keyPrefix, now }: FamiliarityParts): FamiliarityService {
  const root = secret ?? randomBytes(32).toString('hex')
  const hashKey = derivedKey(root, 'familiarity')
  const placeKey = derivedKey(root, 'places')
  const store = redis === undefined ? memoryStore() : redisStore(redis, keyPrefix, now)
  const hmac = (...parts: readonly string[]): string =>
    createHmac('sha256', hashKey).update(JSON.stringify(parts)).digest('base64url').slice(0, 22)
  const accountKey = (account: string): string =>
    createHmac('sha256', hashKey).update(`account ${account}`).digest('hex')

  const hashed = new LRUCache<string, Hashed>({ max: MAX_HASHED })

  /** With the account in every HMAC, nobody can see that two accounts share a network. */
  function marksOf ({ account, device, risk: { ip, info: { asn, countryCode: country } } }: Visit): Hashed {
    const block = blockOf(ip!)
    const held = hashed.get(account)
    if (held !== undefined && held.block === block && held.asn === asn && held.country === country &&
      held.device === device) return held
    const key = held?.key ?? accountKey(account)
    const network = hmac(key, 'network', asn ?? '', block)
    const marks = {
      id: hmac(key, 'device', network, device ?? ''),
      network,
      asn: asn === undefined ? '' : hmac(key, 'asn', asn),
      country: country === undefined ? '' : hmac(key, 'country', country.toUpperCase())
    }
    const made = { key, marks, block, asn, country, device }
    if (account.length + (device?.length ?? 0) <= MAX_HASHED_LENGTH) hashed.set(account, made)
    return made
  }

  return {
    of (visit, { rememberMs }) {
      const { device, risk } = visit
      if (risk.ip === null) return 'unknown'
      const { key, marks } = marksOf(visit)
      const judgeBy = ({ networks, place }: History): Familiarity => {
        const nowMs = now()
        return judge(networks.filter(one => nowMs - one.lastMs < rememberMs), marks, {
          device, risk, rememberMs, nowMs, last: () => place === '' ? undefined : decryptPlace(placeKey, key, place)
        })
      }
      const history = store.read(key)
      return history instanceof Promise ? history.then(judgeBy) : judgeBy(history)
    },
    async learn (visit, strength, bounds) {
      const { risk } = visit
      if (risk.ip === null) return
      const { key, marks } = marksOf(visit)
      const atMs = Math.floor(now())
      const place = placeOf(risk, atMs)
      await store.learn(key, {
        ...marks,
        strength,
        atMs,
        place: place === undefined
          ? ''
          : encryptPlace(placeKey, key, place)
      }, bounds)
    },
    async forget (account) {
      hashed.delete(account)
      await store.forget(accountKey(account))
    }
  }
}

/** The /24 of an IPv4 address, the /48 of an IPv6 address. */
function blockOf (ip: string): string {
  return ip.includes(':') ? subnetKey(ip, 48)! : ip.slice(0, ip.lastIndexOf('.'))
}

interface Circumstances {
  readonly device: string | null
  readonly risk: IpRisk
  readonly rememberMs: number
  readonly nowMs: number
  /** Decrypts. */
  readonly last: () => Place | undefined
}

function judge (
  networks: History['networks'], marks: Marks, { device, risk, rememberMs, nowMs, last }: Circumstances
): Familiarity {
  if (networks.length === 0) return 'first'
  // Anybody can take the exit of a VPN that the account uses, so there the device must be the same.
  const isShared = risk.verdict === 'vpn_likely' || risk.verdict === 'vpn_detected'
  const isConfirmed = (one: KnownNetwork): boolean => one.strength >= CONFIRMED && nowMs - one.confirmedMs < rememberMs
  const isKnown = (one: KnownNetwork): boolean => isConfirmed(one) &&
    (isShared ? device !== null && one.id === marks.id : one.network === marks.network)
  if (networks.some(isKnown)) return 'known'
  const place = placeOf(risk, nowMs)
  const from = place === undefined ? undefined : last()
  if (from !== undefined && isImpossible(from, place!)) return 'impossible'
  const isSimilar = (one: KnownNetwork): boolean => one.network === marks.network ||
    (marks.asn !== '' && one.asn === marks.asn) || (marks.country !== '' && one.country === marks.country)
  return networks.some(isSimilar) ? 'similar' : 'new'
}
