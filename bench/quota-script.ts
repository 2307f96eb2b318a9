// What Redis pays for one call against the fleet's quota, by the number of processes that share it: the script reads what is reserved for
// each of them. `node --import tsx bench/quota-script.ts [rounds]`
import { quotaScript } from '../lib/rate-limit/quota-script.ts'
import { startRedis } from './start-redis.js'

const rounds = Number(process.argv[2] ?? 5)
const CALLS = 500
const MINUTE_MS = 60_000
const keys = ['calls', 'reads', 'members', 'state', 'hold'].map(name => `quota:{bench}:${name}`)
// As redis-quota.ts has them, with a limit of 1,000 calls a minute and no other.
const settings = [MINUTE_MS, 1000, 500, 86_400_000, -1, -1, 1000, -1, MINUTE_MS * 5 / 12, MINUTE_MS, MINUTE_MS / 30]

const { redis } = await startRedis()
const run = (op: string, process: number): Promise<unknown> =>
  redis.eval(quotaScript, keys.length, ...keys, op, `process-${process}-of-the-fleet`, '', 'epoch', `call-${process}`, ...settings, 0, 0, 0, 0, 0)

/** CPU of Redis in its scripts, microseconds a call, since the last reset. */
async function microseconds (): Promise<number> {
  const [, calls, spent] = /cmdstat_eval:calls=(\d+),usec=(\d+)/.exec(await redis.info('commandstats')) ?? []
  return Number(spent) / Number(calls)
}

const rows: object[] = []
for (const processes of [1, 10, 100, 1000]) {
  await redis.flushall()
  for (let process = 0; process < processes; process++) await run('beat', process)
  const costs: number[] = []
  for (let round = 0; round < rounds; round++) {
    await redis.config('RESETSTAT')
    for (let i = 0; i < CALLS; i++) await run('beat', i % processes)
    costs.push(await microseconds())
  }
  const cost = costs.toSorted((a, b) => a - b)[Math.floor(rounds / 2)]!
  rows.push({ processes, 'us of Redis a call': cost.toFixed(0), 'beats of idle processes, % of a core': (processes / (MINUTE_MS / 30) * cost / 10).toFixed(1) })
}
console.log(`CPU of Redis for one script of the quota, medians of ${rounds} rounds of ${CALLS}`)
console.table(rows)
redis.disconnect()
