import type { KnownAnswer } from '../../types/contract.ts'
import type { AgeLimits } from '../cache/index.ts'
import { HIDDEN, redactAddress, redactStrings } from '../ip/index.ts'
import { isObject, type KnownResult, parseStoredBody, toIplogsBody } from '../verdict/index.ts'

/**
 * An entry in Redis: the body of an IPLogs answer, who said it, and when. Programs that follow the IPLogs guide read and write the same,
 * without `provider` and `checked_at`.
 */
export interface EntryFormat {
  write (ip: string, verdict: KnownResult): string
  /** How long it stays fresh from now on; negative when it is not any more. */
  freshForMs (verdict: KnownResult): number
  /** `foreign`: not written by us or by anybody who follows the guide; `undefined`: of no use, and may be replaced. */
  read (ip: string, text: string, remainingMs: number): KnownResult | 'foreign' | undefined
}

export interface EntryOptions {
  readonly ages: AgeLimits
  /** Names that the configured provider answers with. */
  readonly names: readonly string[]
  /** Leave out what would tell the address. */
  readonly secret: boolean
  readonly now: () => number
}

/** Who wrote an entry that does not say it. */
const DEFAULT_PROVIDER = 'iplogs'

export function createEntryFormat ({ ages, names, secret, now }: EntryOptions): EntryFormat {
  return {
    write (ip, { answer, provider, checkedAtMs }) {
      const body = secret ? redactStrings(toIplogsBody(answer, null), redactAddress(ip, HIDDEN)) : toIplogsBody(answer, ip)
      return JSON.stringify({ ...body, provider, checked_at: new Date(checkedAtMs).toISOString() })
    },
    freshForMs: ({ provider, checkedAtMs }) => ages.freshMs(provider) - (now() - checkedAtMs),
    read (ip, text, remainingMs) {
      const entry = remainingMs < 0 ? undefined : parse(text)
      if (!isObject(entry)) return 'foreign'
      const said = entry['provider'] ?? DEFAULT_PROVIDER
      const provider = names.find(name => name === said)
      if (provider === undefined) return undefined
      const answer = parseStoredBody(entry, secret ? null : ip)
      const freshMs = ages.freshMs(provider)
      const checkedAtMs = checkedAt(entry['checked_at'], remainingMs, freshMs)
      if (answer === null || !(now() - checkedAtMs < freshMs)) return undefined
      return Object.freeze({ answer: freeze(answer), provider, checkedAtMs, cache: 'redis' as const })
    }
  }

  /** As the entry says. Without that, or when it names a time to come, by what is left of its life; NaN where that exceeds `freshMs`. */
  function checkedAt (said: unknown, remainingMs: number, freshMs: number): number {
    const nowMs = now()
    const checkedAtMs = typeof said === 'string' ? Date.parse(said) : NaN
    if (checkedAtMs <= nowMs) return checkedAtMs
    return remainingMs > freshMs ? NaN : nowMs - (freshMs - remainingMs)
  }
}

function parse (text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function freeze (answer: KnownAnswer): KnownAnswer {
  for (const signal of answer.signals) Object.freeze(signal)
  Object.freeze(answer.signals)
  if (answer.info.vpnProviderSources !== undefined) Object.freeze(answer.info.vpnProviderSources)
  Object.freeze(answer.info)
  Object.freeze(answer.categories)
  return Object.freeze(answer)
}
