// One process of a fleet: asks as fast as its budget lets it, until its standard input ends.
import { getipintel } from '../../lib/providers/getipintel/index.ts'
import { createPipelines } from '../../lib/resilience/pipelines.ts'
import { memoryLog } from './log.ts'
import { redisPort } from './redis-server.ts'

const { redisPort: port, baseUrl, windows, perMinute } = JSON.parse(process.argv[2]!)
const redis = redisPort(port)
const guarded = createPipelines(getipintel({ contact: 'ops@example.org', baseUrl, flags: 'm', limits: { perMinute, perDay: 500 } }), {
  log: memoryLog(), redis, windows
})
// As an application waits before it listens. A process that asks before its first contact uses calls of its own share, which
// the others do not know of. The reply comes behind that of the contact.
await redis.run('return 1', [], [], 5_000)
const ended = new AbortController()
process.stdin.on('end', () => ended.abort()).resume()
for (let i = 0; !ended.signal.aborted; i++) {
  await guarded.ask(`198.51.${process.pid % 256}.${i % 256}`, { write: i % 2 === 0 })
  await new Promise(resolve => setTimeout(resolve, 5))
}
await guarded.close()
redis.close()
