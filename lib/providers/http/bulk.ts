import type { LookupContext, ProviderAnswer, UnknownAnswer } from '../../../types/contract.ts'
import { badOption } from '../../errors.ts'
import { checkNumber, func, int, oneOf, readObject, shown, type Specification } from '../../util/index.ts'
import type { HttpRequest } from './client.ts'

/** What `read` gets beside the body. */
export interface HttpReplyInfo {
  /** HTTP status of the reply. */
  readonly status: number
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string | undefined>>
  /** Whether evidence of that time (ISO text, a Date or seconds since 1970) is older than `maxEvidenceAgeDays`. */
  isOld (lastSeen: unknown): boolean
}

/** Many addresses in one call. */
export interface HttpBulk<Body> {
  /** Addresses in one call: 1 to 10 000. */
  readonly max: number
  /**
   * What counts as a call for `limits` and `costPerCall`: each address, as most vendors count, or the call. Default
   * `address`.
   */
  readonly countsPer?: 'address' | 'call' | undefined
  /** Longest time of one call in milliseconds. 1 to 600 000. Default 30 000. */
  readonly timeoutMs?: number | undefined
  /** The question about some addresses. */
  request (ips: readonly string[], secret: string): HttpRequest
  /** The answer about one of the addresses; null where the reply has none (`bad_response`). */
  read (body: Body, ip: string, reply: HttpReplyInfo): ProviderAnswer | null | undefined
}

/** With its defaults. */
type CheckedBulk<Body> = { [K in keyof Required<HttpBulk<Body>>]: Exclude<HttpBulk<Body>[K], undefined> }
export type Rows = [string, ProviderAnswer][]

export function readBulk<Body> (path: string, given: unknown): CheckedBulk<Body> {
  const { request, read, ...bulk } = readObject(path, given, {
    max (path, given) {
      if (given === undefined) throw badOption(path, 'is missing: how many addresses one call may hold')
      return checkNumber(path, given, 1, { min: 1, max: 10_000 })
    },
    countsPer: oneOf(['address', 'call'], 'address'),
    timeoutMs: int(1, 600_000, 30_000),
    request: func<HttpBulk<Body>['request']>(),
    read: func<HttpBulk<Body>['read']>()
  } satisfies Specification<HttpBulk<Body>>)
  if (request === undefined || read === undefined) throw badOption(path, 'needs the functions "request" and "read"')
  return { ...bulk, request: request.bind(given), read: read.bind(given) }
}

/** HTTP statuses, as an option. */
export function checkStatuses (path: string, value: unknown): readonly number[] {
  if (value === undefined) return []
  const isStatus = (status: unknown): boolean =>
    Number.isInteger(status) && Number(status) >= 300 && Number(status) < 600
  if (!Array.isArray(value) || !value.every(isStatus)) {
    throw badOption(path, `must be an array of HTTP statuses from 300 to 599, got ${shown(value)}`)
  }
  return value as number[]
}

/** Takes the calls out of the limits: how many of the addresses may be asked about, and why not the others. */
export async function spendFor (
  count: number, countsPer: 'address' | 'call', context: LookupContext
): Promise<{ readonly granted: number, readonly refused: UnknownAnswer | null }> {
  const calls = countsPer === 'call' ? 1 : count
  for (let spent = 0; spent < calls; spent++) {
    const refused = await context.spend()
    if (refused !== null) return { granted: spent, refused }
  }
  return { granted: count, refused: null }
}

export function chunksOf (ips: readonly string[], size: number): string[][] {
  const chunks: string[][] = []
  for (let i = 0; i < ips.length; i += size) chunks.push(ips.slice(i, i + size))
  return chunks
}
