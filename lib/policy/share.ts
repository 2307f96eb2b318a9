import { createHmac } from 'node:crypto'
import { lookupAddress, scopeOf, subnetKey } from '../ip/index.ts'
import { derivedKey } from '../util/index.ts'

/**
 * Which addresses belong to a share of all: the same ones in every process and after a restart, others for another
 * `salt`, and none that a visitor could compute without the secret. An IPv6 /64 is one address here,
 * and a client of a translator is the IPv4 address inside.
 */
export function shareOfAddresses (secret: string, share: number, salt: string): (ip: string) => boolean {
  const key = derivedKey(secret, 'share')
  return ip => {
    const asked = ip.includes(':') ? lookupAddress(ip, scopeOf(ip)) ?? ip : ip
    return createHmac('sha256', key).update(`${salt} ${subnetKey(asked)}`).digest().readUInt32BE(0) < share * 2 ** 32
  }
}
