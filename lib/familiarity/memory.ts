import { LRUCache } from 'lru-cache'
import type { History, KnownNetwork } from './history.ts'

export type Marks = Pick<KnownNetwork, 'id' | 'network' | 'asn' | 'country'>

/**
 * The HMACs of an account's latest network, which cost ten times as much as the rest of a decision, and its history.
 */
export interface Remembered {
  /** The HMAC of the account. */
  readonly key: string
  readonly marks: Marks
  /** Every address whose text begins with this is in the same block; empty where no text says so. */
  readonly blockText: string
  readonly block: string
  readonly asn: string | undefined
  readonly country: string | undefined
  readonly device: string | null
  history: History | undefined
  /** Until when the history counts. */
  untilMs: number
}

/** What one process remembers of accounts. It answers only for a short time what another one may have changed. */
export interface AccountMemory {
  get (account: string): Remembered | undefined
  set (account: string, remembered: Remembered): void
  /** Also of a load in flight, whose history then reaches nobody else. */
  drop (account: string): void
  /** By the HMAC of the account, as other processes name it. */
  dropKey (key: string): void
}

const MAX_ACCOUNTS = 10_000
/** A visitor may choose the text of a device, and must not fill the memory with it. */
const MAX_LENGTH = 256

export function createAccountMemory (): AccountMemory {
  let accounts: LRUCache<string, Remembered> | undefined // made on use: it reserves its memory at once
  /** By the HMAC, so that the messages of many erasures do not search all accounts. */
  const byKey = new Map<string, string>()
  const made = (): LRUCache<string, Remembered> => new LRUCache({
    max: MAX_ACCOUNTS, noDisposeOnSet: true, dispose: one => { byKey.delete(one.key) }
  })
  const drop = (account: string): void => { accounts?.delete(account) }
  return {
    get: account => accounts?.get(account),
    set (account, remembered) {
      accounts ??= made()
      if (account.length + (remembered.device?.length ?? 0) > MAX_LENGTH) return drop(account)
      accounts.set(account, remembered)
      byKey.set(remembered.key, account)
    },
    drop,
    dropKey (key) {
      const account = byKey.get(key)
      if (account !== undefined) drop(account)
    }
  }
}
