import t from 'tap'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { createIpRisk } from '../../lib/index.ts'
import type { Provider, ProviderAnswer } from '../../types/contract.ts'
import { memoryLog } from '../support/log.ts'
import { answer } from '../support/table-provider.ts'

setFlagsFromString('--expose-gc')
const collectGarbage = runInNewContext('gc') as () => void

const MAX_ENTRIES = 1000
/** More than the bounded maps hold: that of IPv6 subnets is the largest, with 10,000; the others have `MAX_ENTRIES`. */
const WARM_UP = { v4: 9000, v6: 12_000 }
const COLD = 15_000
/** So many entries of an unbounded map take at least 2.5 MB. */
const GROWTH = 2_000_000

/** What stays: timers and promises of the last requests take a few turns to be let go. */
async function settledHeap (): Promise<number> {
  let least = Infinity
  for (let turn = 0; turn < 5; turn++) {
    await new Promise(resolve => setTimeout(resolve, 20))
    collectGarbage()
    least = Math.min(least, process.memoryUsage().heapUsed)
  }
  return least
}

const v4 = (i: number): string => `11.${i >> 16}.${(i >> 8) & 255}.${i & 255}`
/** Each in a /64 of its own. */
const v6 = (i: number): string => `2a00:${(i >> 16).toString(16)}:${(i & 0xffff).toString(16)}:1::1`
/** All in one /64. */
const oneSubnet = (i: number): string => `2a00:1:1:1:1:1:${((i >> 16) + 1).toString(16)}:${(i & 0xffff).toString(16)}`

const known: Provider['lookup'] = ip =>
  answer('suspicious', { signals: [{ type: 'test', weight: 0.5, detail: `about ${ip}` }] })
const unknown: Provider['lookup'] = (): ProviderAnswer => ({ verdict: 'unknown', reason: 'no_data' })
const failing: Provider['lookup'] = ip => { throw new Error(`no word about ${ip}`) }

type Row = readonly [
  what: string, family: 'v4' | 'v6', address: (i: number) => string, lookup: Provider['lookup'], limits?: Provider['limits']
]
const rows: readonly Row[] = [
  ['IPv4 addresses that are known', 'v4', v4, known],
  ['IPv4 addresses at a provider that knows nothing or fails', 'v4', v4, (ip, context) => (ip.endsWith('1') ? failing : unknown)(ip, context)],
  ['IPv6 addresses in as many subnets', 'v6', v6, known],
  ['IPv6 addresses of one subnet, on a small budget', 'v6', oneSubnet, known, { perMinute: 50, perDay: 500, burst: 5 }]
]

for (const [what, family, address, lookup, limits] of rows) {
  const warmUp = WARM_UP[family]
  t.test(`${COLD} cold ${what} leave nothing behind`, async t => {
    const log = { ...memoryLog(), debug () {}, info () {}, isLevelEnabled: (level: string) => level !== 'debug' }
    const provider: Provider = { name: 'local', lookup: async (ip, context) => lookup(ip, context), ...limits && { limits } }
    const engine = createIpRisk({ provider, cache: { maxEntries: MAX_ENTRIES }, log })
    t.teardown(() => engine.close())
    let answers = 0
    const visit = async (from: number, to: number): Promise<number> => {
      for (let i = from; i < to; i++) {
        const request = { socket: { remoteAddress: address(i) }, headers: {}, method: 'POST' }
        if ((await engine.assess(request, 'signup')).ip === address(i)) answers++
      }
      return await settledHeap()
    }
    const before = await visit(0, warmUp)
    const after = await visit(warmUp, warmUp + COLD)
    t.equal(answers, warmUp + COLD, 'each was answered')
    t.ok(after - before < GROWTH, `grew by ${Math.round((after - before) / 1000)} kB`)
    t.ok(log.lines.length < 20, `${log.lines.length} log lines`)
  })
}
