import type { RedisPort } from './client.ts'

/**
 * Waits for leases that other processes hold. They end when Redis fails: the message that they wait for would not come.
 */
export interface LeaseWaits {
  /** `end` ends the wait early. To be called when the wait is over; returns whether it ended because Redis failed. */
  add (leaseKey: string, end: () => void): () => boolean
  /** Ends all. */
  close (): void
}

interface Wait { readonly end: () => void, failed: boolean }

/** How often Redis is probed while somebody waits, as a part of `redisTimeoutMs`, and at most. */
const PROBES_A_TIMEOUT = 4
const PROBE_EVERY_MS = 25

export function createLeaseWaits (port: RedisPort): LeaseWaits {
  /** By the node of the lease. */
  const waits = new Map<string, Set<Wait>>()
  const probed = new Set<string>()
  const everyMs = Math.min(PROBE_EVERY_MS, Math.ceil(port.timeoutMs / PROBES_A_TIMEOUT))

  function probeLater (node: string, leaseKey: string): void {
    probed.add(node)
    setTimeout(() => {
      probed.delete(node)
      if (!waits.has(node)) return
      probed.add(node)
      port.probe(leaseKey).then(() => probeLater(node, leaseKey), () => {
        probed.delete(node)
        endAll(node, true)
      })
    }, everyMs).unref()
  }

  function endAll (node: string, failed: boolean): void {
    const all = waits.get(node) ?? []
    waits.delete(node)
    for (const wait of all) {
      wait.failed = failed
      wait.end()
    }
  }

  return {
    add (leaseKey, end) {
      const node = port.nodeOf(leaseKey)
      const wait: Wait = { end, failed: false }
      const others = waits.get(node)
      if (others === undefined) waits.set(node, new Set([wait]))
      else others.add(wait)
      if (!probed.has(node)) probeLater(node, leaseKey)
      return () => {
        const left = waits.get(node)
        if (left?.delete(wait) === true && left.size === 0) waits.delete(node)
        return wait.failed
      }
    },
    close () {
      for (const node of [...waits.keys()]) endAll(node, false)
    }
  }
}
