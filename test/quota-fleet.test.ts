// Runs alone: a call that travels longer than the slack of a scaled minute would count in the next one.
import t from 'tap'
import { spawn } from 'node:child_process'
import { setTimeout as sleep } from 'node:timers/promises'
import { fakeGetipintel } from '../lib/testing/index.ts'
import { redisServer } from './support/redis-server.ts'

// A minute lasts a second and a half here. The slack is generous: four processes and a server share few cores.
const windows = { minuteMs: 1_500, dayMs: 600_000, burstMs: 100, slackMs: 450 }
const perMinute = 15

/** The most calls in any stretch of the window's length. */
function mostInAnyWindow (times: readonly number[]): number {
  let from = 0
  let most = 0
  times.forEach((time, i) => {
    while (time - times[from]! >= windows.minuteMs) from++
    most = Math.max(most, i - from + 1)
  })
  return most
}

t.test('four processes never make one call too many, also while Redis dies and comes back empty', async t => {
  const redis = await redisServer()
  const server = await fakeGetipintel()
  const settings = JSON.stringify({ redisPort: redis.port, baseUrl: server.url, windows, perMinute })
  const workers = Array.from({ length: 4 }, () =>
    // In an environment of its own: another loader's coverage would spoil that of the tests.
    spawn('env', ['-i', process.execPath, ...process.execArgv, 'test/support/quota-worker.ts', settings], { stdio: ['pipe', 'ignore', 'inherit'] }))
  const exits = workers.map(worker => new Promise<number | null>(resolve => worker.once('exit', resolve)))
  t.teardown(async () => {
    for (const worker of workers) worker.kill('SIGKILL')
    await server.close()
    await redis.close()
  })

  const callsDuring = async (ms: number): Promise<number> => {
    const before = server.calls
    await sleep(ms)
    return server.calls - before
  }

  while (server.calls < perMinute) await sleep(20)
  t.ok(await callsDuring(3 * windows.minuteMs) >= perMinute, 'the whole budget is used')
  t.ok(mostInAnyWindow(server.callTimes) <= perMinute, `at most ${perMinute}: ${mostInAnyWindow(server.callTimes)}`)

  await redis.kill()
  await redis.start()
  t.ok(await callsDuring(windows.minuteMs + windows.slackMs) > 0, 'each process goes on at once after a restart')
  t.ok(mostInAnyWindow(server.callTimes) <= perMinute, `at most ${perMinute}: ${mostInAnyWindow(server.callTimes)}`)

  await redis.kill()
  t.ok(await callsDuring(3 * windows.minuteMs) > 0, 'each process spends its share while Redis is away')
  t.ok(mostInAnyWindow(server.callTimes) <= perMinute, `at most ${perMinute}: ${mostInAnyWindow(server.callTimes)}`)

  await redis.start()
  t.ok(await callsDuring(3 * windows.minuteMs) >= perMinute, 'the whole budget again')
  t.ok(mostInAnyWindow(server.callTimes) <= perMinute, `at most ${perMinute}: ${mostInAnyWindow(server.callTimes)}`)

  for (const worker of workers) worker.stdin.end()
  t.same(await Promise.all(exits), [0, 0, 0, 0], 'every process ended by itself')
})
