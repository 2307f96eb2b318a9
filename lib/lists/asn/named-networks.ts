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

/**
 * Secure web gateways, which the employees of companies use without choosing to: Zscaler, Netskope, Check Point, Palo
 * Alto Networks, iboss, Cisco Umbrella, Menlo Security, Forcepoint. AS numbers by the names in the registries'
 * databases (ARIN, RIPE NCC, APNIC), as @ip-location-db/asn has them. Cloudflare Gateway has no network of its own.
 */
export const GATEWAY_ASNS: readonly number[] = [
  2763, 13448, 22616, 36692, 44444, 53444, 53813, 54538, 55256, 62044, 62654, 64280, 137922, 202276, 213176, 396253,
  396421, 398391
]

/**
 * Networks that carry the traffic of others. Some of their customers are hosters, most are companies and people, so the
 * network alone says nothing: Lumen (209, 3356, 3549), Cogent, Zayo, GTT, Arelion, NTT, Tata, Sparkle, PCCW, Orange,
 * Hurricane Electric, RETN, Vodafone, Telstra, Telxius, Verizon.
 */
export const TRANSIT_ASNS: readonly number[] = [
  174, 209, 701, 1273, 1299, 2914, 3257, 3356, 3491, 3549, 4637, 5511, 6453, 6461, 6762, 6939, 9002, 12956
]

/**
 * Networks that deliver content, and from which Private Relay leaves: Cloudflare, Akamai with its network for the relay
 * alone, Fastly. Most of their visitors are people, so a VPN server there says nothing of the next address.
 */
export const CONTENT_ASNS: readonly number[] = [13335, 20940, 36183, 54113]

/**
 * Where Akamai runs Private Relay: 56 % of the relay's IPv4 addresses, and no server of a VPN provider (Sattler et al.,
 * "Towards a Tectonic Traffic Shift?", IMC 2022, https://doi.org/10.1145/3517745.3561426).
 */
export const RELAY_ASNS: readonly number[] = [36183]
