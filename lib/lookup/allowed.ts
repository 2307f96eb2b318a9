/** Addresses that `allow()` let pass, each for its time, by what stands for them among processes. */
export interface Allowed {
  add (id: string, forMs: number): void
  has (ip: string): boolean
}

/** What is over is cleared away when so many have come. */
const CLEAR_AT = 1000

export function createAllowed (idOf: (ip: string) => string, now: () => number): Allowed {
  const untilMs = new Map<string, number>()
  return {
    add (id, forMs) {
      untilMs.set(id, now() + forMs)
      if (untilMs.size % CLEAR_AT === 0) for (const [other, endMs] of untilMs) if (endMs <= now()) untilMs.delete(other)
    },
    has (ip) {
      if (untilMs.size === 0) return false
      const endMs = untilMs.get(idOf(ip))
      return endMs !== undefined && endMs > now()
    }
  }
}
