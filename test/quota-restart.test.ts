// Runs alone: a call that travels longer than the slack of a scaled minute would count in the next one.
import t from 'tap'
import { createPipelines, type ProviderPipelines } from '../lib/resilience/pipelines.ts'
import { fakeProvider } from '../lib/testing/index.ts'
import type { ScriptRunner } from '../lib/redis/client.ts'
import { until } from './support/until.ts'
import { ask } from './support/guard.ts'
import { memoryLog } from './support/log.ts'
import { redisPort, redisServer } from './support/redis-server.ts'

const perMinute = 60

async function answered (guarded: ProviderPipelines, count: number): Promise<number> {
  const all = await Promise.all(Array.from({ length: count }, (_, i) => ask(guarded, `203.0.113.${i + 1}`)))
  return all.filter(said => said === 'clean').length
}

t.test('after a restart of Redis each process has a fair share of what is left, says so once, and none calls too often', async t => {
  const server = await redisServer()
  const members = [1, 2].map(() => {
    const log = memoryLog()
    const port = redisPort(server.port)
    // Patient: this machine may be busy.
    const redis: ScriptRunner = { run: async (script, keys, args) => await port.run(script, keys, args, 1_000) }
    const provider = { ...fakeProvider(), limits: { perMinute }, maxConcurrent: 100 }
    return { log, port, guarded: createPipelines(provider, { log, redis }) }
  })
  t.teardown(async () => {
    await Promise.all(members.map(({ guarded }) => guarded.close()))
    for (const { port } of members) port.close()
    await server.close()
  })
  const [one, two] = members.map(({ guarded }) => guarded) as [ProviderPipelines, ProviderPipelines]
  let used = await answered(one, 3) + await answered(two, 3)
  t.equal(used, 6)
  t.match(one.stats()['fake'], { quota: 'shared' })

  await server.kill()
  used += await answered(one, 1) + await answered(two, 1)
  t.equal(used, 8, 'while it is away')
  t.match(one.stats()['fake'], { quota: 'offline_share', minuteLeft: Number })
  await server.start()
  for (const { port } of members) await until(() => port.client.status === 'ready')

  for (const { guarded, log } of members) {
    const calls = await answered(guarded, perMinute)
    t.ok(calls >= 10, `${calls} calls: about a third of what is left`)
    used += calls
    t.match(guarded.stats()['fake'], { quota: 'offline_share', minuteLeft: 0 })
    const said = log.lines.filter(({ fields }) => 'code' in fields && fields.code === 'IP_RISK_QUOTA_OFFLINE_SHARE')
    t.match(said, [{ level: 'warn', fields: { cause: 'redis_count_lost' } }])
    t.equal(said.length, 1)
  }
  t.ok(used <= perMinute, `${used} in all`)
})
