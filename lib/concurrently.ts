/**
 * Works on the items with `limit` of them under way, and gives the results' parts out as they come, in whatever order. Work that is done
 * waits for the reader, so a slow reader slows the work. `work` must not reject; when the reader stops, no further item is begun.
 */
export async function * eachConcurrently<T, R> (
  items: Iterable<T>, limit: number, work: (item: T) => Promise<readonly R[]>
): AsyncGenerator<R, void> {
  interface Done { readonly self: Promise<Done>, readonly results: readonly R[] }
  const source = items[Symbol.iterator]()
  const underWay = new Set<Promise<Done>>()
  const begin = (): boolean => {
    const next = source.next()
    if (next.done === true) return false
    const promise: Promise<Done> = work(next.value).then(results => ({ self: promise, results }))
    underWay.add(promise)
    return true
  }
  while (underWay.size < limit && begin());
  while (underWay.size > 0) {
    const { self, results } = await Promise.race(underWay)
    underWay.delete(self)
    begin()
    yield * results
  }
}
