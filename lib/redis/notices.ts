import type { IpRiskLogger } from '../../types/contract.ts'
import type { RedisPort } from './client.ts'
import { type Message, messageText } from './inbox.ts'
import type { Keys } from './keys.ts'
import { RETRY } from './lease.ts'
import { CATCH_UP, FORGET, NOTE } from './scripts.ts'

/** The operator's word on an address, told to every process: to those that run, and to those that start or come back later. */
export interface Notices {
  /** Resolves when it is told, or after the time limit of Redis: then it is told as soon as Redis answers. Never rejects. */
  allow (id: string, forMs: number): Promise<void>
  forget (id: string): Promise<void>
  /** A message came in. */
  receive (message: Message): void
  /** Looks up what was told since the last time. */
  catchUp (): void
}

export interface NoticesParts {
  readonly port: RedisPort
  readonly keys: Keys
  readonly channel: string
  /** Of this process: it has heeded its own words already. */
  readonly sender: string
  readonly log: IpRiskLogger
  readonly heed: { allow (id: string, forMs: number): void, forget (id: string): void }
}

const ALLOW = 'allow'
const FORGOTTEN = 'forget'
/** The longest that something forgotten may still stand in a memory: `ttlSeconds` and `staleIfErrorSeconds` at their greatest. */
const MEMORY_MS = (21_600 + 86_400) * 1000
/** Clocks and the way of a message: rather heed twice than never. */
const OVERLAP_MS = 1000
/** Words that wait for Redis. A support desk does not write more in an outage. */
const MAX_UNTOLD = 1000

export function createNotices ({ port, keys, channel, sender, log, heed }: NoticesParts): Notices {
  const untold: (() => Promise<unknown>)[] = []
  let lookedAtMs = performance.now()

  return {
    async allow (id, forMs) {
      const untilMs = Date.now() + forMs
      await tell(async () => {
        const leftMs = untilMs - Date.now()
        if (leftMs >= 1) await note(keys.allowed, ALLOW, id, leftMs)
      })
    },
    async forget (id) {
      await tell(async () => {
        const { verdict, lease, waiters, failed } = keys.of(id)
        await port.run(FORGET, [verdict, lease, waiters, failed], [messageText(RETRY, id, 0, '')])
        await note(keys.forgotten, FORGOTTEN, id, MEMORY_MS)
      })
    },
    receive ({ kind, id, remainingMs, body }) {
      if (body === sender) return
      if (kind === ALLOW) heedAllow(id, remainingMs)
      else if (kind === FORGOTTEN) heed.forget(id)
    },
    catchUp () {
      for (const word of untold.splice(0)) tell(word)
      const nowMs = performance.now()
      port.run(CATCH_UP, [keys.allowed, keys.forgotten], [MEMORY_MS, Math.ceil(nowMs - lookedAtMs) + OVERLAP_MS]).then(reply => {
        const [allowed, forgotten] = Array.isArray(reply) ? reply : []
        if (!areTexts(allowed) || !areTexts(forgotten)) throw new TypeError('the script answered something else')
        for (let i = 0; i + 1 < allowed.length; i += 2) heedAllow(allowed[i]!, Number(allowed[i + 1]))
        for (const id of forgotten) heed.forget(id)
        lookedAtMs = nowMs
      }).catch(() => {}) // it is tried again when Redis is back
    }
  }

  function heedAllow (id: string, forMs: number): void {
    if (forMs > 0) heed.allow(id, forMs)
  }

  async function note (set: string, kind: string, id: string, forMs: number): Promise<void> {
    await port.run(NOTE, [set], [id, Math.ceil(forMs), channel, messageText(kind, id, Math.ceil(forMs), sender)])
  }

  async function tell (word: () => Promise<unknown>): Promise<void> {
    try {
      await word()
    } catch {
      if (untold.length === 0) log.warn({}, 'what allow() and invalidate() said holds in this process only, until Redis answers')
      if (untold.length < MAX_UNTOLD) untold.push(word)
    }
  }
}

function areTexts (value: unknown): value is string[] {
  return Array.isArray(value) && value.every(text => typeof text === 'string')
}
