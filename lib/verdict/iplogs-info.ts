import type { IpInfo } from '../../types/contract.ts'
import { type Json, readNumber, readText, readTexts } from './read.ts'

type Mutable<T> = { -readonly [K in keyof T]: T[K] }

const texts = [
  ['org', 'org'], ['isp', 'isp'], ['country', 'country'], ['countryCode', 'country_code'], ['city', 'city'], ['type', 'type'],
  ['vpnProvider', 'vpn_provider']
] as const

/** `ip_info` of IPLogs: everything in it but the address is optional, and what has a wrong type is not there. */
export function readInfo (json: Json): IpInfo {
  const info: Mutable<IpInfo> = {}
  const asn = typeof json['asn'] === 'number' && Number.isInteger(json['asn']) ? `AS${json['asn']}` : readText(json['asn'])
  if (asn !== undefined) info.asn = asn
  for (const [name, field] of texts) {
    const text = readText(json[field])
    if (text !== undefined) info[name] = text
  }
  const lat = readNumber(json['lat'])
  const lon = readNumber(json['lon'])
  if (lat !== undefined && Math.abs(lat) <= 90) info.lat = lat
  if (lon !== undefined && Math.abs(lon) <= 180) info.lon = lon
  if (typeof json['is_proxy'] === 'boolean') info.isProxy = json['is_proxy']
  const sources = readTexts(json['vpn_provider_sources'], 16)
  if (sources !== undefined) info.vpnProviderSources = sources
  return info
}

export function infoToJson (info: IpInfo): Record<string, unknown> {
  return {
    asn: info.asn,
    ...Object.fromEntries(texts.map(([name, field]) => [field, info[name]])),
    lat: info.lat,
    lon: info.lon,
    is_proxy: info.isProxy,
    vpn_provider_sources: info.vpnProviderSources
  }
}
