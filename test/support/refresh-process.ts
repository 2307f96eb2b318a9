import { snapshotPart } from '../../lib/lists/database/parts.ts'
import type { PublishedList } from '../../lib/lists/sources/publishers.ts'
import { memoryLog } from './log.ts'

/** One of several processes that pull into a folder: says on standard output when it has the lists, until it is ended. */
const [cacheFolder = '', url = ''] = process.argv.slice(2)
const sources: PublishedList[] = [{ id: 'exits', kind: 'tor-exit', halfLifeDays: 10, licence: 'CC0-1.0', url }]
const log = memoryLog()
const part = snapshotPart({
  cacheFolder,
  asnPackage: undefined,
  watchIntervalMs: 20,
  refresh: { hours: 24, skip: [], sources, firstMs: 100, checkMs: 100 }
})
part.start(log)
const timer = setInterval(() => {
  if (part.answer('20.0.0.1').verdict !== 'vpn_detected') return
  clearInterval(timer)
  // As the application would keep the process running.
  setInterval(() => {}, 1000)
  process.stdout.write(`${JSON.stringify(log.lines)}\n`)
}, 20)
