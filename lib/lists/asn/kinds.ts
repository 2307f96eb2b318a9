import { ACCESS, DENSITY, EYEBALL, HOSTING, HOSTING_CONFIRMED, KINDS_DATE, VPN } from './kinds-data.ts'
import { CONTENT_ASNS, GATEWAY_ASNS, RELAY_ASNS, TRANSIT_ASNS, VPN_OPERATOR_ASNS } from './named-networks.ts'

/** What the package itself knows of networks. See NOTICE for where the figures come from. */
export interface AsnKinds {
  /** Unix seconds. */
  readonly dateSeconds: number
  /** One of three public collections calls it a hoster, and none an access network. */
  readonly hosting: readonly number[]
  /** Two or more do; also in `hosting`. */
  readonly hostingConfirmed: readonly number[]
  /** Runs VPN services, as a public collection says. */
  readonly vpn: readonly number[]
  /** Run by a VPN provider for itself, by name. */
  readonly operators: readonly number[]
  /** Large networks that sell internet access: people sit behind their addresses. */
  readonly eyeball: readonly number[]
  /** Sells internet access, and is no confirmed hoster; those in `eyeball` are the largest of them. */
  readonly access: readonly number[]
  /** Secure web gateways of companies. */
  readonly gateway: readonly number[]
  /** Carries the traffic of others. */
  readonly transit: readonly number[]
  /** Delivers content; relays leave from there, too. */
  readonly content: readonly number[]
  /** A private relay alone. */
  readonly relay: readonly number[]
  /** By AS number, as `densities` counts them: class and publishers of the VPN servers known there. */
  readonly density: ReadonlyMap<number, number>
}

/** Ascending numbers as the differences between them, base 36, one after the other. */
export function packNumbers (ascending: readonly number[]): string {
  return ascending.map((value, i) => (value - (ascending[i - 1] ?? 0)).toString(36)).join(' ')
}

export function unpackNumbers (packed: string): number[] {
  if (packed === '') return []
  let value = 0
  return packed.split(' ').map(difference => (value += Number.parseInt(difference, 36)))
}

/** Networks in which hosting and the density of VPN servers say nothing: of people, of gateways, of everybody. */
export function mixedNetworks ({ access, eyeball, gateway, transit }: AsnKinds): ReadonlySet<number> {
  return new Set([...access, ...eyeball, ...gateway, ...transit])
}

let packaged: AsnKinds | undefined

/** The table that comes with the package, unpacked when first asked for. */
export function packagedAsnKinds (): AsnKinds {
  packaged ??= {
    dateSeconds: Date.parse(KINDS_DATE) / 1000,
    hosting: unpackNumbers(HOSTING),
    hostingConfirmed: unpackNumbers(HOSTING_CONFIRMED),
    vpn: unpackNumbers(VPN),
    operators: Object.values(VPN_OPERATOR_ASNS).flat(),
    eyeball: unpackNumbers(EYEBALL),
    access: unpackNumbers(ACCESS),
    gateway: GATEWAY_ASNS,
    transit: TRANSIT_ASNS,
    content: CONTENT_ASNS,
    relay: RELAY_ASNS,
    density: new Map(DENSITY.flatMap((packed, value) => unpackNumbers(packed).map(asn => [asn, value] as const)))
  }
  return packaged
}
