import t from 'tap'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { compileSnapshot } from '../lib/lists/compile/compile.ts'
import { liveDatabase } from '../lib/lists/database/live-database.ts'
import { snapshotPart } from '../lib/lists/database/parts.ts'
import { rangesOf } from '../lib/lists/sources/list.ts'
import { memoryLog } from './support/log.ts'
import { replaceFile } from '../lib/util/index.ts'

setFlagsFromString('--expose-gc')
const collectGarbage = runInNewContext('gc') as () => void

const nowSeconds = Math.floor(Date.now() / 1000)
const snapshotOf = (ip: string): Uint8Array => compileSnapshot([
  { id: 'exits', kind: 'tor-exit', ranges: rangesOf([ip]), asns: [], halfLifeDays: 365, dateSeconds: nowSeconds }
], { nowSeconds })

/** A reference that keeps nothing alive, of what only `make` sees. */
const weak = <T extends object>(make: () => T): WeakRef<T> => new WeakRef(make())

async function isReleased (reference: WeakRef<object>): Promise<boolean> {
  for (let i = 0; i < 100; i++) {
    await wait(5) // whatever is under way ends, and a reference that was read is weak again
    collectGarbage()
    if (reference.deref() === undefined) return true
  }
  return false
}

t.test('a snapshot is released after the next one took its place', async t => {
  const database = liveDatabase(snapshotOf('20.0.0.1'))
  const first = weak(() => database.current.snapshot)
  t.match(database.current.answer('20.0.0.1'), { verdict: 'vpn_detected' })
  t.notOk(await isReleased(first), 'not while it answers')
  database.swap(snapshotOf('20.0.0.2'))
  const second = weak(() => database.current.snapshot)
  t.ok(await isReleased(first))
  database.swap(snapshotOf('20.0.0.3'))
  t.ok(await isReleased(second))
  await database.close()
})

t.test('the snapshot of the start is released after the first pull', async t => {
  const path = join(t.testdir({}), 'lists.snapshot')
  let start: Uint8Array | undefined = snapshotOf('20.0.0.1')
  const buffer = weak(() => start!.buffer as ArrayBuffer)
  const part = snapshotPart({
    path, found: { bytes: start, problems: [] }, cacheFolder: '', asnPackage: undefined, watchIntervalMs: 20
  })
  start = undefined
  part.start(memoryLog())
  t.match(part.answer('20.0.0.1'), { verdict: 'vpn_detected' })
  t.notOk(await isReleased(buffer), 'not while it answers')
  replaceFile(path, snapshotOf('20.0.0.2'))
  while ((part.answer('20.0.0.2') as { verdict: string }).verdict !== 'vpn_detected') await wait(10)
  t.ok(await isReleased(buffer))
  await part.close()
})
