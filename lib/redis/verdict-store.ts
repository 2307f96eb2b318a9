import type { IpRiskLogger, Provider } from '../../types/contract.ts'
import type { CacheSettings } from '../cache-options.ts'
import type { SharedCache } from '../lookup/lookup.ts'
import { parseIplogsBody, toIplogsBody } from '../verdict/iplogs-body.ts'
import type { KnownVerdict } from '../verdict/verdict.ts'
import type { RedisPort } from './client.ts'

/** An entry in Redis: the body of an IPLogs answer, and who said it when. Other programs read and write the same. */
interface Entry { readonly provider?: unknown, readonly checked_at?: unknown }

/** Verdicts in Redis under the plain address. What is not ours there is a miss, and is left alone. */
export function createVerdictStore (
  redis: RedisPort, { keyPrefix, ttlSeconds }: CacheSettings, provider: Provider, log: IpRiskLogger, now: () => number
): SharedCache {
  const names = new Set(provider.names ?? [provider.name])
  let saidForeign = false

  return {
    async get (ip) {
      try {
        const [text, remainingMs] = await redis.run(async client => {
          const replies = await client.multi().get(keyPrefix + ip).pttl(keyPrefix + ip).exec()
          return replies!.map(([err, reply]) => {
            if (err !== null) throw err
            return reply
          })
        }) as [string | null, number]
        return text === null ? undefined : read(ip, text, remainingMs)
      } catch {
        return undefined // the port has logged the change of state; nothing cached is what the caller must assume
      }
    },
    set (ip, verdict) {
      const lifeSeconds = Math.floor(ttlSeconds - (now() - verdict.checkedAtMs) / 1000)
      if (lifeSeconds < 1) return
      const entry = { ...toIplogsBody(verdict.answer, ip), provider: verdict.provider, checked_at: new Date(verdict.checkedAtMs).toISOString() }
      redis.run(client => client.set(keyPrefix + ip, JSON.stringify(entry), 'EX', lifeSeconds)).catch(() => {})
    }
  }

  function read (ip: string, text: string, remainingMs: number): KnownVerdict | undefined {
    const entry = parseObject(text)
    if (entry === undefined || remainingMs < 0) {
      if (!saidForeign) log.warn({ keyPrefix }, 'Redis holds values of somebody else under plain addresses: set "cache.keyPrefix" to keep out of their way')
      saidForeign = true
      return undefined
    }
    const name = entry.provider === undefined ? 'iplogs' : entry.provider
    const answer = parseIplogsBody(entry, ip)
    const checkedAtMs = typeof entry.checked_at === 'string' ? Date.parse(entry.checked_at) : now() - (ttlSeconds * 1000 - remainingMs)
    const ageMs = now() - checkedAtMs
    if (answer === null || typeof name !== 'string' || !names.has(name) || !(ageMs < ttlSeconds * 1000)) return undefined
    return Object.freeze({ answer, provider: name, checkedAtMs: Math.min(checkedAtMs, now()), cache: 'redis' as const })
  }
}

function parseObject (text: string): Entry | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? value : undefined
  } catch {
    return undefined
  }
}
