import type { ClientIp } from '../../types/contract.ts'

/** Clients that a header named alone and in canonical text, so that the next request need not parse it again. */
export interface RecentClients {
  /** The client that this proxy named. */
  of (header: string, proxy: string): ClientIp | undefined
  /** `ip`: an IPv4 address, that of the client. */
  add (ip: string, client: ClientIp): void
}

/** A power of two. A few times the clients that a busy process sees within seconds. */
const SLOTS = 1024
const [SHORTEST, LONGEST] = ['0.0.0.0'.length, '255.255.255.255'.length]

/**
 * A hash table of one slot per hash: a newer client overwrites an older one. The last characters of addresses differ
 * most. A hit returns the string of an earlier request, so that a cache with that key does not hash it again.
 */
export function createRecentClients (): RecentClients {
  const slots = new Array<ClientIp | undefined>(SLOTS).fill(undefined)

  function slotOf (text: string): number {
    const last = text.length - 1
    const sum = text.charCodeAt(last) + 11 * text.charCodeAt(last - 1) + 121 * text.charCodeAt(last - 2) +
      7 * text.charCodeAt(last - 4)
    return sum & (SLOTS - 1)
  }

  return {
    of (header, proxy) {
      if (header.length < SHORTEST || header.length > LONGEST) return undefined
      const client = slots[slotOf(header)]
      return client?.ip === header && client.peer === proxy ? client : undefined
    },
    add (ip, client) {
      slots[slotOf(ip)] = client
    }
  }
}
