import type { UnknownReason } from '../../types/contract.ts'
import type { FleetUse } from './contact.ts'

/** What the script of the quota answered. */
export interface QuotaReply extends FleetUse {
  readonly answer: 'ok' | 'full' | 'burst' | 'quiet' | 'held'
  readonly waitMs: number
  /** Until the count is complete, during a pause as well. 0: it is. */
  readonly quietMs: number
  readonly epoch: string
  /** The time of the quota's script, for the next one. */
  readonly redisNow: number
  readonly reason: UnknownReason
}

const answers: ReadonlySet<unknown> = new Set<QuotaReply['answer']>(['ok', 'full', 'burst', 'quiet', 'held'])
const numberNames = [
  'waitMs', 'quietMs', 'members', 'part', 'readPart', 'usedMinute', 'usedDay', 'readsMinute', 'readsDay',
  'redisNow'
] as const

/** Throws a `TypeError` for what the script cannot return. */
export function readReply (reply: unknown): QuotaReply {
  const [answer, epoch, reason, ...rest] = Array.isArray(reply) ? reply as unknown[] : []
  // Text if the client has `stringNumbers`.
  const numbers = Object.fromEntries(numberNames.map((name, i) => [name, Number(rest[i])]))
  if (!answers.has(answer) || !Object.values(numbers).every(Number.isFinite)) {
    throw new TypeError('the quota script answered something else')
  }
  return {
    answer: answer as QuotaReply['answer'],
    epoch: String(epoch),
    ...numbers as Record<typeof numberNames[number], number>,
    reason: reason === 'rejected' || reason === 'quota_exhausted' ? reason : 'rate_limited'
  }
}
