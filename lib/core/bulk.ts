import type { BulkOptions, BulkProgress, BulkRun, ProviderAnswer } from '../../types/contract.ts'
import { badOption } from '../errors.ts'
import { canonicalAddress } from '../ip/index.ts'
import { checkFunction, checkObject, shown } from '../util/index.ts'

export interface BulkAsk { readonly write: boolean, readonly signal: AbortSignal }

/** What a bulk lookup needs of the engine. `V` is what it makes of an answer. */
export interface BulkParts<V> {
  /** A cached verdict, or one that needs no lookup; null: ask the provider. Must not reject. */
  readonly known: (ip: string) => V | null | Promise<V | null>
  /** The `bulk` of the provider's resilience pipeline. */
  readonly ask: (ips: readonly string[], options: BulkAsk) => AsyncIterable<[string, ProviderAnswer]>
  readonly verdict: (ip: string, answer: ProviderAnswer) => V
}

/** Cache reads at the same time. */
const cacheBlock = 200

/**
 * Looks up many addresses, each once: first in the cache, then from the provider as fast as its limits allow. It uses
 * the part of a quota that reads may use.
 */
export function bulk<V extends { readonly verdict: string }> (
  ips: Iterable<string>, options: BulkOptions | undefined, parts: BulkParts<V>
): BulkRun<V> {
  const { signal, onProgress } = checkObject<BulkOptions>('bulk', options, ['signal', 'onProgress'])
  checkFunction('bulk.onProgress', onProgress)
  if (typeof ips === 'string' || typeof ips?.[Symbol.iterator] !== 'function') {
    throw badOption('ips', `must be an array or a set of addresses, got ${shown(ips)}`)
  }
  const addresses = new Set<string>()
  for (const text of ips) {
    if (typeof text !== 'string') throw badOption('ips', `must hold strings only, got ${shown(text)}`)
    addresses.add(canonicalAddress(text) ?? text)
  }
  const progress = { total: addresses.size, done: 0, cached: 0, unknown: 0 }
  const ended = new AbortController()

  function row (ip: string, verdict: V, cached: boolean): [string, V] {
    progress.done++
    if (cached) progress.cached++
    if (verdict.verdict === 'unknown') progress.unknown++
    onProgress?.({ ...progress })
    return [ip, verdict]
  }

  async function * rows (): AsyncGenerator<[string, V], void> {
    const all = [...addresses]
    const left: string[] = []
    const end = (): void => ended.abort()
    signal?.addEventListener('abort', end, { once: true })
    try {
      signal?.throwIfAborted()
      for (let i = 0; i < all.length; i += cacheBlock) {
        const block = all.slice(i, i + cacheBlock)
        const known = await Promise.all(block.map(parts.known))
        for (const [at, ip] of block.entries()) {
          signal?.throwIfAborted()
          const verdict = known[at]!
          if (verdict === null) left.push(ip)
          else yield row(ip, verdict, true)
        }
      }
      for await (const [ip, answer] of parts.ask(left, { write: false, signal: ended.signal })) {
        signal?.throwIfAborted()
        yield row(ip, parts.verdict(ip, answer), false)
      }
    } finally {
      ended.abort()
      signal?.removeEventListener('abort', end)
    }
  }

  const run = rows()
  return {
    get progress (): BulkProgress { return { ...progress } },
    next: () => run.next(),
    return: () => run.return(),
    throw: error => run.throw(error),
    [Symbol.asyncIterator] () { return this }
  }
}
