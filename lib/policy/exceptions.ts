import type { AddressException } from '../../types/exceptions.ts'
import type { IpRiskLogger } from '../../types/contract.ts'
import { badOption } from '../errors.ts'
import { type Cidr, formatCidr, parseCidr } from '../ip/index.ts'
import { addressLists, noLists } from './address-lists.ts'

/** What an exception is about. A network of one address is written as the address. */
export interface ExceptionEntry extends Pick<AddressException, 'effect' | 'network' | 'reason' | 'author'> {
  readonly cidr: Cidr
}

/** An operator's statement about the address or network behind an id. Of two about one id, the later one counts. */
export interface Statement {
  readonly id: string
  /** Milliseconds since 1970. */
  readonly issuedMs: number
  readonly untilMs: number
  /** Only of `allow()` and `deny()`. Without one it allows the address behind the id. */
  readonly entry?: ExceptionEntry | undefined
}

/** The exceptions of `allow()` and `deny()`, each for its time, and what ended them. */
export interface Exceptions {
  /** What is in force for a canonical address; an allow wins. One search and no clock where the time is given. */
  of (ip: string, nowMs?: number): AddressException['effect'] | undefined
  isAllowed (ip: string): boolean
  /** Makes an exception from now on. The statement is for the other processes. Throws an `IpRiskError` when full. */
  make (entry: ExceptionEntry, forMs: number): Statement
  /** Ends what is under a name (`nameOf`). One statement for each id of it. */
  revokeNow (name: string): readonly Statement[]
  /** A statement of another process. Nothing happens when a later one is known. */
  learn (statement: Statement, forMs: number): void
  /** False when this very one was known already. An earlier one counts, too: the clock of its process may be behind. */
  revoke (id: string, issuedMs: number): boolean
  /** Those in force, the oldest first. */
  list (): readonly AddressException[]
  isHeld (name: string): boolean
}

/** Of a reason or an author, in characters. */
export const MAX_NOTE_LENGTH = 500
/** The longest exception: a year. */
export const MAX_ALLOW_MS = 31_536_000_000
/** Of all. Operators do not make more; whoever writes to Redis may try to. */
const MAX_KEPT = 10_000
/** Of those that need a search: networks, and what is denied. They are compiled again at every change. */
const MAX_RANGES = 1000

/** Throws a `RangeError` as `parseCidr` does. */
export function readNetwork (text: string): Pick<ExceptionEntry, 'network' | 'cidr'> {
  const cidr = parseCidr(text)
  const written = formatCidr(cidr)
  const isHost = cidr.prefix === (cidr.family === 4 ? 32 : 128)
  return { cidr, network: isHost ? written.slice(0, written.indexOf('/')) : written }
}

/** Under what an exception is known: an allowed address under itself. */
export function nameOf ({ effect, network }: Pick<ExceptionEntry, 'effect' | 'network'>): string {
  return effect === 'allow' ? network : `deny ${network}`
}

/** Whether a text can be a name. */
export function isName (text: string): boolean {
  const network = text.startsWith('deny ') ? text.slice('deny '.length) : text
  try {
    return readNetwork(network).network === network
  } catch {
    return false
  }
}

/** `idsOf`: what a name may be known by; the first is for new statements. */
export function createExceptions (
  idsOf: (name: string) => readonly string[], now: () => number, log: IpRiskLogger
): Exceptions {
  const held = new Map<string, Statement>()
  /** Allowed addresses need no search. */
  const allowedHosts = new Map<string, Statement>()
  const ranges = new Map<string, Statement>()
  /** Statements without an entry. */
  let unnamed = 0
  let lists = noLists
  /** When the first of `lists` ends. */
  let listsUntilMs = Infinity
  /** When the last revocation of an id was issued, so that no older statement that arrives later undoes it. */
  const revocations = new Map<string, number>()
  let loggedFull = false

  function learn ({ id, issuedMs, entry }: Statement, forMs: number): void {
    if (!(forMs > 0) || issuedMs <= latest(id)) return
    drop(id)
    const statement = { id, issuedMs, untilMs: now() + Math.min(forMs, MAX_ALLOW_MS), entry }
    held.set(id, statement)
    if (entry === undefined) unnamed++
    else if (isAllowedHost(entry)) allowedHosts.set(entry.network, statement)
    else {
      ranges.set(id, statement)
      listsUntilMs = -Infinity
    }
    if (ranges.size > MAX_RANGES) makeRoom(ranges, MAX_RANGES)
    if (held.size > MAX_KEPT) makeRoom(held, MAX_KEPT)
  }

  function drop (id: string): void {
    const statement = held.get(id)
    if (statement === undefined) return
    held.delete(id)
    const { entry } = statement
    if (entry === undefined) unnamed--
    else if (allowedHosts.get(entry.network) === statement) allowedHosts.delete(entry.network)
    if (ranges.delete(id)) listsUntilMs = -Infinity
  }

  function revoke (id: string, issuedMs: number): boolean {
    const known = revocations.get(id)
    if (known !== undefined && issuedMs <= known) return issuedMs !== known
    const statement = held.get(id)
    if (statement !== undefined && statement.issuedMs <= issuedMs) drop(id)
    revocations.delete(id)
    revocations.set(id, issuedMs)
    if (revocations.size > MAX_KEPT) revocations.delete(revocations.keys().next().value!)
    return true
  }

  function latest (id: string): number {
    return Math.max(held.get(id)?.issuedMs ?? -Infinity, revocations.get(id) ?? -Infinity)
  }

  /** Later than anything that is known of the id, even where the clock of another process is ahead. */
  function issueNow (id: string): number {
    return Math.max(Math.floor(now()), latest(id) + 1)
  }

  function dropEnded (): void {
    for (const [id, { untilMs }] of held) if (untilMs <= now()) drop(id)
  }

  function makeRoom (all: ReadonlyMap<string, Statement>, max: number): void {
    dropEnded()
    if (all.size <= max) return
    const soonestFirst = [...all.values()].sort((a, b) => a.untilMs - b.untilMs)
    for (const { id } of soonestFirst.slice(0, all.size - max * 0.9)) drop(id)
    if (!loggedFull) {
      log.warn({ code: 'IP_RISK_ALLOWS_FULL' }, `allow() lets more than ${MAX_KEPT} addresses pass, or allow() and ` +
        `deny() have more than ${MAX_RANGES} networks: those that would end soonest are dropped. If you made fewer, ` +
        'another program writes to this Redis: set cache.keySecret, and restrict by ACL who may write')
    }
    loggedFull = true
  }

  function compiled (nowMs: number): typeof lists {
    if (listsUntilMs > nowMs) return lists
    dropEnded()
    const entries = [...ranges.values()].map(({ entry }) => entry!)
    const of = (wanted: ExceptionEntry['effect']): Cidr[] =>
      entries.filter(({ effect }) => effect === wanted).map(({ cidr }) => cidr)
    lists = addressLists(of('allow'), of('deny'))
    listsUntilMs = [...ranges.values()].reduce((first, { untilMs }) => Math.min(first, untilMs), Infinity)
    return lists
  }

  function checkCount (entry: ExceptionEntry, id: string): void {
    if (held.has(id)) return
    dropEnded()
    if (held.size >= MAX_KEPT || (!isAllowedHost(entry) && ranges.size >= MAX_RANGES)) {
      throw badOption(entry.effect, `has too many: ${held.size} exceptions are in force, ${ranges.size} of them ` +
        `networks or denied, of at most ${MAX_KEPT} and ${MAX_RANGES}: end some with revoke(), or use the options ` +
        '"allow" and "deny"')
    }
  }

  function of (ip: string, nowMs = now()): AddressException['effect'] | undefined {
    if (held.size === 0) return undefined
    const host = allowedHosts.get(ip)
    if (host !== undefined && host.untilMs > nowMs) return 'allow'
    if (unnamed > 0 && idsOf(ip).some(id => isInForce(held.get(id)))) return 'allow'
    if (ranges.size === 0) return undefined
    const list = compiled(nowMs).of(ip)
    return list === undefined ? undefined : list === 'allow_list' ? 'allow' : 'deny'
  }

  return {
    of,
    isAllowed: ip => of(ip) === 'allow',
    make (entry, forMs) {
      const id = idsOf(nameOf(entry))[0]!
      checkCount(entry, id)
      const issuedMs = issueNow(id)
      learn({ id, issuedMs, untilMs: 0, entry }, forMs)
      return { id, issuedMs, untilMs: issuedMs + Math.ceil(Math.min(forMs, MAX_ALLOW_MS)), entry }
    },
    revokeNow: name => idsOf(name).map(id => {
      const issuedMs = issueNow(id)
      revoke(id, issuedMs)
      return { id, issuedMs, untilMs: issuedMs + MAX_ALLOW_MS }
    }),
    learn,
    revoke,
    isHeld: name => idsOf(name).some(id => isInForce(held.get(id))),
    list () {
      const latestFirst = [...held.values()].filter(isInForce).sort((a, b) => b.issuedMs - a.issuedMs)
      const found = new Map<string, AddressException>()
      for (const { entry, issuedMs, untilMs } of latestFirst) {
        // Under two secrets, one network has two ids.
        if (entry === undefined || found.has(nameOf(entry))) continue
        found.set(nameOf(entry), describe(entry, issuedMs, untilMs))
      }
      // In every process the same order, also of what was made in one millisecond.
      return [...found.values()].sort((a, b) =>
        a.since < b.since || (a.since === b.since && a.network < b.network) ? -1 : 1)
    }
  }

  function isInForce (statement: Statement | undefined): boolean {
    return statement !== undefined && statement.untilMs > now()
  }
}

function isAllowedHost ({ effect, network }: ExceptionEntry): boolean {
  return effect === 'allow' && !network.includes('/')
}

export function describe (
  { effect, network, reason, author }: ExceptionEntry, sinceMs: number, untilMs: number
): AddressException {
  const [since, until] = [sinceMs, untilMs].map(ms => new Date(ms).toISOString()) as [string, string]
  return Object.freeze({ effect, network, reason, author, since, until })
}
