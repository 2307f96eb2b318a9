import { createHmac } from 'node:crypto'
import { effectiveAddress, subnetKey } from '../ip/index.ts'
import { derivedKey } from '../util/index.ts'

/**
 * Which addresses belong to a share of all: the same ones in every process and after a restart, others for another
 * `salt`, and none that a visitor could compute without the secret. An IPv6 /64 is one address here,
 * and a client of a translator is the IPv4 address inside.
 */
export function shareOfAddresses (secret: string, share: number, salt: string): (ip: string) => boolean {
  const key = derivedKey(secret, 'share')
  return ip => createHmac('sha256', key).update(`${salt} ${subnetKey(effectiveAddress(ip))}`).digest()
    .readUInt32BE(0) < share * 2 ** 32
}
