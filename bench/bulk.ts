// 10,000 addresses through bulk(), against a local IPLogs that takes 200 ms a call in a process of its own, beside the theoretical minimum
// (chunks x latency / calls under way). `node --import tsx bench/bulk.ts`; fails above 1.2 times.
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { bulk } from '../lib/core/bulk.ts'
import { createPipelines } from '../lib/resilience/pipelines.ts'
import { iplogs } from '../lib/providers/iplogs/index.ts'
import { fakeIplogs } from '../lib/testing/index.ts'

const addressCount = 10_000
const latencyMs = 200
// As lib/providers/iplogs/index.ts has them.
const chunkSize = 100
const chunksUnderWay = 4

if (process.argv[2] === 'server') {
  const server = await fakeIplogs()
  server.delay(latencyMs)
  process.send!(server.url)
  process.on('message', () => process.send!(server.calls))
} else {
  const child = fork(import.meta.filename, ['server'])
  const [baseUrl] = await once(child, 'message') as [string]
  const silent = { debug () {}, info () {}, warn () {}, error () {} }
  const guarded = createPipelines(iplogs({ baseUrl, limits: {} }), { log: silent })
  const addresses = Array.from({ length: addressCount }, (_, i) => `198.18.${i >> 8}.${i & 255}`)
  const parts = { known: () => null, ask: guarded.bulk, verdict: (_ip: string, { verdict }: { verdict: string }) => ({ verdict }) }
  const minimumMs = addressCount / chunkSize * latencyMs / chunksUnderWay
  const ratios: number[] = []
  const rounds: object[] = []
  for (let round = 0; round < 3; round++) {
    const begun = performance.now()
    let rows = 0
    for await (const [, { verdict }] of bulk(addresses, {}, parts)) if (verdict === 'clean') rows++
    const tookMs = performance.now() - begun
    if (rows !== addressCount) throw new Error(`${rows} rows`)
    ratios.push(tookMs / minimumMs)
    rounds.push({ addresses: rows, ms: Math.round(tookMs), 'minimum ms': minimumMs, 'times the minimum': (tookMs / minimumMs).toFixed(3) })
  }
  child.send('calls')
  const [calls] = await once(child, 'message')
  console.log(`bulk() over a provider of ${latencyMs} ms: ${calls} calls for 3 rounds of ${addressCount / chunkSize} chunks`)
  console.table(rounds)
  await guarded.close()
  child.kill()
  process.exitCode = Math.max(...ratios) <= 1.2 ? 0 : 1
}
