import t from 'tap'
import { observedBulk } from '../lib/resilience/observed.ts'
import { unknownAnswer } from '../lib/verdict/index.ts'
import type { ObservedBulkResult } from '../lib/util/index.ts'

const clean = { verdict: 'clean', score: 0, isVpn: false, confidence: null, signals: [], info: {}, categories: [] } as const
const late = unknownAnswer('timeout')

function observation (signal = new AbortController().signal, abandonedMs?: number) {
  let result!: Promise<ObservedBulkResult>
  const providerBulk = async (_call: object, run: () => Promise<ObservedBulkResult>): Promise<ObservedBulkResult> => {
    result = run()
    return await result
  }
  const observed = observedBulk({ name: 'many' }, { providerBulk }, { write: false, addresses: 3 }, signal, abandonedMs)!
  return { observed, ended: async () => await result }
}

t.test('a run has an error where no address was answered or its code threw, and counts what failed', async t => {
  const none = observation()
  none.observed.row(late)
  none.observed.missing(2, unknownAnswer('bad_response'))
  none.observed.end()
  t.strictSame(await none.ended(), { failed: 3, error: 'timeout' })

  const some = observation()
  some.observed.row(clean)
  some.observed.missing(2, late)
  some.observed.end()
  t.strictSame(await some.ended(), { failed: 2 })

  const threw = observation()
  threw.observed.row(clean)
  threw.observed.missing(2, unknownAnswer('unavailable'))
  threw.observed.threw('unavailable')
  threw.observed.end()
  t.strictSame(await threw.ended(), { failed: 2, error: 'unavailable' })

  const nothing = observation()
  nothing.observed.missing(0, late)
  nothing.observed.end()
  t.strictSame(await nothing.ended(), { failed: 0 })
})

t.test('a reader that takes no further row ends the run, and so does the signal', async t => {
  const abandoned = observation(undefined, 1)
  abandoned.observed.row(clean)
  const keepsAlive = setInterval(() => {}, 1000)
  t.strictSame(await abandoned.ended(), { failed: 0, abandoned: true })
  clearInterval(keepsAlive)

  const controller = new AbortController()
  const aborted = observation(controller.signal)
  aborted.observed.row(late)
  aborted.observed.taken()
  controller.abort()
  t.strictSame(await aborted.ended(), { failed: 1, error: 'timeout' })
})
