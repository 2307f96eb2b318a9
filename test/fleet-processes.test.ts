// Runs alone.
import t from 'tap'
import { answerAbout, countingServer } from './support/counting-provider.ts'
import { until } from './support/until.ts'
import { type Answered, startProcesses, stopProcess } from './support/fleet.ts'
import { startRedis } from './support/redis.ts'

const redis = await startRedis()
const provider = await countingServer(100)
const fleet = await startProcesses(4, { redis: redis.url, provider: provider.url })
t.teardown(async () => {
  await Promise.all(fleet.map(stopProcess))
  await provider.close()
  await redis.stop()
})
t.beforeEach(() => {
  provider.asked.clear()
  provider.delayMs = 100
  provider.failing = false
})

const addresses = (subnet: number): string[] => Array.from({ length: 50 }, (_, i) => `203.0.${subnet}.${i + 1}`)
const calls = (): number => [...provider.asked.values()].reduce((sum, count) => sum + count, 0)
const isRight = (answered: Answered, ip: string): boolean => answered.status === 200 && answered.verdict === answerAbout(ip).verdict && answered.org === `of ${ip}`

/**
 * A holder renews its lease after 700 ms, and loses it after 2000: also when a busy machine gives it no processor a few times.
 */
const LONGEST_TURN_MS = 400

/**
 * 200 requests each for 50 cold addresses. Again, with other addresses, where a process had no processor for so long that its
 * leases may have ended.
 */
async function undisturbed (): Promise<{ readonly asked: readonly string[], readonly answers: readonly (readonly Answered[])[] }> {
  for (let round = 0; round < 20; round++) {
    provider.asked.clear()
    const ips = addresses(10 + round)
    const asked = Array.from({ length: 200 }, (_, i) => ips[i % 50]!)
    const answers = await Promise.all(fleet.map(({ ask }) => ask(asked)))
    if (fleet.every(({ longestTurnMs }) => longestTurnMs < LONGEST_TURN_MS)) return { asked, answers }
  }
  throw new Error('this machine is too busy: a process had no processor for 400 ms in each of twenty rounds')
}

t.test('four processes with 200 requests each for 50 cold addresses call the provider 50 times', async t => {
  const { asked, answers } = await undisturbed()
  t.equal(calls(), 50)
  t.ok(answers.every(answered => answered.every((one, i) => isRight(one, asked[i]!))))
})

t.test('what one process learnt the next one reads', async t => {
  const ips = addresses(3)
  await fleet[0]!.ask(ips)
  await until(async () => await redis.client.exists(...ips) === 50)
  const answers = await fleet[1]!.ask(ips)
  t.ok(answers.every((one, i) => isRight(one, ips[i]!)))
  t.equal(calls(), 50)
})

t.test('a holder that is frozen in the middle costs one call more each, and what it brings later is not stored', async t => {
  const ips = addresses(4).slice(0, 5)
  provider.delayMs = 4000
  const frozen = fleet[3]!
  const late = frozen.ask(ips)
  await until(() => calls() === 5)
  frozen.process.kill('SIGSTOP')
  provider.delayMs = 50
  const answers = await Promise.all(fleet.slice(0, 3).map(({ ask }) => ask(ips)))
  t.ok(answers.every(answered => answered.every((one, i) => isRight(one, ips[i]!))))
  t.equal(calls(), 10)
  const stored = await redis.client.mget(ips)
  frozen.process.kill('SIGCONT')
  t.ok((await late).every((one, i) => isRight(one, ips[i]!)), 'its own requests are answered too')
  t.strictSame(await redis.client.mget(ips), stored)
})

t.test('a holder that is killed in the middle costs one call more each', async t => {
  const ips = addresses(5).slice(0, 5)
  provider.delayMs = 60_000
  const killed = fleet[3]!
  killed.ask(ips).catch(() => {})
  await until(() => calls() === 5)
  const waiting = fleet.slice(0, 3).map(({ ask }) => ask(ips))
  provider.delayMs = 50
  await stopProcess(killed)
  const answers = await Promise.all(waiting)
  t.ok(answers.every(answered => answered.every((one, i) => isRight(one, ips[i]!))))
  t.equal(calls(), 10)
})

t.test('a holder whose lease is taken away costs one call more, and no entry is written twice', async t => {
  const [ip] = addresses(6) as [string]
  provider.delayMs = 3000
  const first = fleet[0]!.ask([ip])
  await until(() => calls() === 1)
  await redis.client.set(`ip-risk:lease:{${ip}}`, 'somebody else', 'PX', 500)
  provider.delayMs = 50
  const [second] = await fleet[1]!.ask([ip])
  t.ok(isRight(second!, ip))
  const stored = await redis.client.get(ip)
  t.ok(isRight((await first)[0]!, ip))
  t.equal(await redis.client.get(ip), stored)
  t.equal(calls(), 2)
})

t.test('50 calls it is when the provider fails, and everybody is told why', async t => {
  provider.failing = true
  const ips = addresses(2)
  const left = fleet.slice(0, 3)
  // Not repeated on a busy machine: the circuit breakers are open afterwards.
  const answers = await Promise.all(left.map(({ ask }) => ask(Array.from({ length: 200 }, (_, i) => ips[i % 50]!))))
  t.equal(calls(), 50)
  t.ok(answers.flat().every(({ status, verdict, reason }) => status === 200 && verdict === 'unknown' && reason === 'unavailable'))
})
