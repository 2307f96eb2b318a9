import { organisations } from './organisations.ts'
import type { AsnTable } from './table.ts'

/**
 * What the names of networks say by themselves, as the registries' databases (ARIN, RIPE NCC, APNIC) and so
 * @ip-location-db/asn have them.
 */

/**
 * Networks that a VPN provider runs for itself. By provider, so that an evaluation can leave one out: Proton AG;
 * Mullvad VPN AB and its sister 31173 Services AB; PacketHub S.A. (NordVPN); PVDataNet AB (PrivateVPN); Strong
 * Technology, LLC (StrongVPN); Mudhook Marketing Inc (IPVanish); and those that are named for their VPN.
 */
export const VPN_OPERATOR_ASNS: Readonly<Record<string, readonly number[]>> = {
  protonvpn: [62371, 199218, 208172, 209103],
  mullvad: [39351, 49399, 214813, 216025],
  nordvpn: [136787, 141039, 147049, 207137, 272096],
  privatevpn: [42201],
  strongvpn: [13926, 22781, 54203, 62651, 140952],
  ipvanish: [46253],
  windscribe: [397540],
  ivpn: [203619],
  others: [62635, 208765, 213163, 394104, 397282]
}

/** Words for the hosting of servers. A hostel has guests, and an observer has no servers. */
const HOSTING = /host(?!el|age)|\bserver|servers\b|cloud(?!flare)|\bvps\b|\bvds\b|data ?cent|\bcolo(?:cation)?\b/i

/**
 * Networks that call themselves hosters, or whose organisation is a known hoster in another network. None of `mixed`,
 * and of no organisation that has one of these.
 */
export function hostersByName (table: AsnTable, hosters: readonly number[], mixed: ReadonlySet<number>): number[] {
  const organisation = organisations(table, mixed)
  const known = new Set(hosters)
  const hosting = new Set(organisation.filter((_, at) => known.has(table.numbers[at]!)))
  return [...table.numbers].filter((asn, at) => !mixed.has(asn) &&
    (HOSTING.test(table.names[at]!) || (!known.has(asn) && hosting.has(organisation[at]!))))
}
