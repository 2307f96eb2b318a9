import t from 'tap'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePort, launchRedis, retried, startRedis } from './support/redis.ts'

t.test('a redis-server for tests does not take another one for itself, and starts on the next free port', async t => {
  const other = await startRedis()
  t.teardown(() => other.stop())
  const folder = mkdtempSync(join(tmpdir(), 'ip-risk-redis-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  await t.rejects(launchRedis(other.port, folder, []), { name: 'RedisDidNotStart', message: /Failed listening on port/ })
  await t.rejects(retried(async () => await launchRedis(other.port, folder, [])), { name: 'RedisDidNotStart' }, 'five times in vain')
  const ports = [other.port, other.port, await freePort()]
  const process = await retried(async () => await launchRedis(ports.shift()!, folder, []))
  process.kill('SIGKILL')
  t.strictSame(ports, [])
})
