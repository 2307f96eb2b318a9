import type { IpRisk } from '../../types/contract.ts'
import { seal, unseal } from '../util/index.ts'

/** Where an account was last, rounded to one degree (about 100 km), and when. */
interface Place { readonly lat: number, readonly lon: number, readonly atMs: number }

/** Addresses behind these are where the operator of the network is, not where the visitor is. */
const elsewhere: ReadonlySet<string> = new Set(['vpn', 'proxy', 'tor', 'hosting', 'relay', 'warp', 'cgnat', 'gateway'])
const MOBILE = /mobile|cellular|satellite|aircraft|in-?flight|avionics|aero\b|gogo|viasat|starlink|inmarsat|intelsat/i

/**
 * The place of a request; undefined where its address does not show one: a relay or VPN, a mobile gateway, an aircraft,
 * or coordinates without a city, which are the middle of a country.
 */
export function placeOf (
  { info, categories, verdict }: Pick<IpRisk, 'info' | 'categories' | 'verdict'>, atMs: number
): Place | undefined {
  const { lat, lon, city } = info
  if (lat === undefined || lon === undefined || city === undefined || city === '') return undefined
  if (!(Math.abs(lat) <= 90 && Math.abs(lon) <= 180)) return undefined
  if (verdict === 'vpn_likely' || verdict === 'vpn_detected' || categories.some(one => elsewhere.has(one))) {
    return undefined
  }
  if (MOBILE.test(`${info.type ?? ''} ${info.isp ?? ''} ${info.org ?? ''}`)) return undefined
  return { lat: Math.round(lat), lon: Math.round(lon), atMs }
}

const EARTH_RADIUS_KM = 6371
/** Rounding moves each place by up to half the diagonal of a degree. */
const ROUNDING_KM = 160
/** Faster than an airliner; and nearer than this, databases disagree about one network. */
const MAX_KM_PER_HOUR = 1000
const MIN_KM = 500

/** Whether nobody can have travelled between the places in the time between. */
export function isImpossible (from: Place, to: Place): boolean {
  const km = distanceKm(from, to) - ROUNDING_KM
  const hours = Math.max(0, to.atMs - from.atMs) / 3_600_000
  return km > MIN_KM && km > MAX_KM_PER_HOUR * hours
}

function distanceKm (a: Place, b: Place): number {
  const radians = Math.PI / 180
  const half = (degrees: number): number => Math.sin(degrees * radians / 2) ** 2
  const h = half(b.lat - a.lat) + Math.cos(a.lat * radians) * Math.cos(b.lat * radians) * half(b.lon - a.lon)
  return 2 * EARTH_RADIUS_KM * Math.asin(Math.min(1, Math.sqrt(h)))
}

/** Encrypted, and bound to the account: the text of one account decrypts for no other. */
export function encryptPlace (key: Buffer, account: string, { lat, lon, atMs }: Place): string {
  return seal(key, account, JSON.stringify([lat, lon, atMs]))
}

/** undefined where the text is none of ours: nothing is known then. */
export function decryptPlace (key: Buffer, account: string, text: string): Place | undefined {
  const plain = unseal(key, account, text)
  if (plain === undefined) return undefined
  const [lat, lon, atMs] = JSON.parse(plain) as [number, number, number]
  return { lat, lon, atMs }
}
