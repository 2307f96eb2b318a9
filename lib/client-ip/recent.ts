/** What the trust map says of an IPv4 address that is no proxy's. */
export interface RecentClient { readonly ip: string, readonly mark: number }

/** Clients that a header named alone and in canonical text, so that the next request need not parse it again. */
export interface RecentClients {
  of (header: string): RecentClient | undefined
  add (client: RecentClient): void
}

/** A power of two. A few times the clients that a busy process sees within seconds. */
const PLACES = 1024
const [SHORTEST, LONGEST] = ['0.0.0.0'.length, '255.255.255.255'.length]

/**
 * Every text has one place, and a newer client takes it. Most of the address is in its last characters. The answer has
 * the very string of the time before, so that the caches that it is a key of find it without hashing it again.
 */
export function createRecentClients (): RecentClients {
  const places = new Array<RecentClient | undefined>(PLACES).fill(undefined)

  function placeOf (text: string): number {
    const last = text.length - 1
    const sum = text.charCodeAt(last) + 11 * text.charCodeAt(last - 1) + 121 * text.charCodeAt(last - 2) +
      7 * text.charCodeAt(last - 4)
    return sum & (PLACES - 1)
  }

  return {
    of (header) {
      if (header.length < SHORTEST || header.length > LONGEST) return undefined
      const client = places[placeOf(header)]
      return client?.ip === header ? client : undefined
    },
    add (client) {
      places[placeOf(client.ip)] = client
    }
  }
}
