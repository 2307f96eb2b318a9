import t from 'tap'
import { createSingleFlight, type InFlightLoad, type SingleFlight } from '../lib/cache/single-flight.ts'
import { deferred } from '../lib/util/async.ts'
import type { LookupResult } from '../lib/verdict/verdict.ts'

const ip = '203.0.113.7'

function start (loads: SingleFlight, write = false): { readonly load: InFlightLoad, end (): Promise<void> } {
  const { promise, resolve } = deferred<LookupResult>()
  const load = loads.start(ip, write, Infinity, async () => await promise)
  return {
    load,
    async end () {
      resolve({} as LookupResult)
      await load.result
    }
  }
}

t.test('an invalidation drops every load of the address, also one that was dropped before it began its call', async t => {
  const loads = createSingleFlight()
  const { load: first } = start(loads)
  loads.drop(ip)
  t.equal(first.dropped, true)
  t.equal(loads.get(ip), undefined)
  const { load: second } = start(loads)
  first.dropped = false // its call begins
  t.equal(loads.get(ip), second, 'the latest is shared')
  loads.drop(ip)
  t.strictSame([first.dropped, second.dropped], [true, true])
})

t.test('the end of a load leaves the others of its address in flight', async t => {
  const loads = createSingleFlight()
  const first = start(loads)
  loads.drop(ip)
  const second = start(loads)
  await first.end()
  t.equal(loads.get(ip), second.load)
  t.strictSame([...loads.addresses()], [ip])
  loads.drop(ip)
  t.equal(second.load.dropped, true)
  await second.end()
  t.strictSame([...loads.addresses()], [])
})

t.test('a write finds the load of another one behind that of a later read', async t => {
  const loads = createSingleFlight()
  const { load: write } = start(loads, true)
  loads.drop(ip)
  const { load: read } = start(loads)
  t.equal(loads.get(ip, load => load.write), undefined)
  write.dropped = false // its call begins
  t.equal(loads.get(ip, load => load.write), write)
  t.equal(loads.get(ip, load => load !== read), write)
  t.equal(loads.get(ip), read)
})
