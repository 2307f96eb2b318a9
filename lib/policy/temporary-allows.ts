import type { IpRiskLogger } from '../../types/contract.ts'

/** What `allow()` or `invalidate()` said about the address behind an id. Of two about one id, the later one counts. */
export interface Statement {
  readonly id: string
  /** Milliseconds since 1970. */
  readonly issuedMs: number
  readonly untilMs: number
}

/** Addresses that `allow()` lets pass, each for its time, and what ended that. */
export interface TemporaryAllows {
  has (ip: string): boolean
  /** Lets an address pass from now on. The statement is for the other processes, as those of `revokeNow` are. */
  allowNow (ip: string, forMs: number): Statement
  /** One for each id of the address. */
  revokeNow (ip: string): readonly Statement[]
  /** What another process said. Nothing happens when something later is known. */
  allow (id: string, issuedMs: number, forMs: number): void
  /** False when it was known already. */
  revoke (id: string, issuedMs: number): boolean
}

/** The longest `allow()`: a year. */
export const MAX_ALLOW_MS = 31_536_000_000
/** Of either kind. Support does not let more addresses pass; whoever writes to Redis may try to. */
const MAX_KEPT = 10_000

/** `idsOf`: what an address may be known by; the first is for new statements. */
export function createTemporaryAllows (
  idsOf: (ip: string) => readonly string[], now: () => number, log: IpRiskLogger
): TemporaryAllows {
  const allows = new Map<string, Statement>()
  /** When the last revocation of an id was issued, so that no older allow that arrives later undoes it. */
  const revocations = new Map<string, number>()
  let loggedFull = false

  function allow (id: string, issuedMs: number, forMs: number): void {
    if (!(forMs > 0) || issuedMs <= latest(id)) return
    allows.set(id, { id, issuedMs, untilMs: now() + Math.min(forMs, MAX_ALLOW_MS) })
    if (allows.size > MAX_KEPT) makeRoom()
  }

  function revoke (id: string, issuedMs: number): boolean {
    if (issuedMs <= (revocations.get(id) ?? -Infinity)) return false
    const held = allows.get(id)
    if (held !== undefined && held.issuedMs <= issuedMs) allows.delete(id)
    revocations.delete(id)
    revocations.set(id, issuedMs)
    if (revocations.size > MAX_KEPT) revocations.delete(revocations.keys().next().value!)
    return true
  }

  function latest (id: string): number {
    return Math.max(allows.get(id)?.issuedMs ?? -Infinity, revocations.get(id) ?? -Infinity)
  }

  /** Later than anything that is known of the id, even where the clock of another process is ahead. */
  function issueNow (id: string): number {
    return Math.max(Math.floor(now()), latest(id) + 1)
  }

  function makeRoom (): void {
    for (const [id, { untilMs }] of allows) if (untilMs <= now()) allows.delete(id)
    if (allows.size <= MAX_KEPT) return
    const soonestFirst = [...allows.values()].sort((a, b) => a.untilMs - b.untilMs)
    for (const { id } of soonestFirst.slice(0, allows.size - MAX_KEPT * 0.9)) allows.delete(id)
    if (!loggedFull) {
      log.warn({ code: 'IP_RISK_ALLOWS_FULL' }, `allow() lets more than ${MAX_KEPT} addresses pass: those that ` +
        'would end soonest are dropped. If you allowed fewer, another program writes to this Redis: set ' +
        'cache.keySecret, and restrict by ACL who may write')
    }
    loggedFull = true
  }

  return {
    has (ip) {
      if (allows.size === 0) return false
      for (const id of idsOf(ip)) {
        const held = allows.get(id)
        if (held !== undefined && held.untilMs > now()) return true
      }
      return false
    },
    allowNow (ip, forMs) {
      const id = idsOf(ip)[0]!
      const issuedMs = issueNow(id)
      allow(id, issuedMs, forMs)
      return { id, issuedMs, untilMs: issuedMs + Math.ceil(Math.min(forMs, MAX_ALLOW_MS)) }
    },
    revokeNow: ip => idsOf(ip).map(id => {
      const issuedMs = issueNow(id)
      revoke(id, issuedMs)
      return { id, issuedMs, untilMs: issuedMs + MAX_ALLOW_MS }
    }),
    allow,
    revoke
  }
}
