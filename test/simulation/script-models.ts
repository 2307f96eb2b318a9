import { holdScript, quotaScript } from '../../lib/rate-limit/quota-script.ts'
import * as scripts from '../../lib/redis/scripts.ts'
import { holdAll, quota } from './quota-model.ts'
import { type RedisModel, sha1 } from './redis-model.ts'

/** A script as a function; `test/redis-scripts.test.ts` compares each with the Lua in a real Redis. */
export type Model = (redis: RedisModel, keys: readonly string[], args: readonly string[]) => unknown

const MAX_VALUE_BYTES = 65_536

function read (redis: RedisModel, key: string): [text: string, ttlMs: number] {
  const text = redis.get(key) ?? ''
  if (redis.exists(key) && (redis.get(key) === undefined || text.length > MAX_VALUE_BYTES)) return ['', -3]
  return [text, redis.pttl(key)]
}

function overwritable (redis: RedisModel, key: string): boolean {
  const [text, ttl] = read(redis, key)
  if (ttl === -2) return true
  if (ttl < 0 || !/^\s*\{/.test(text)) return false
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}

function send (redis: RedisModel, waiters: string, message: string): void {
  for (const channel of redis.smembers(waiters)) redis.published.push({ channel, message })
  redis.del(waiters)
}

function lasts (redis: RedisModel, key: string, longest: string): boolean {
  return redis.pttl(key) >= 0 && redis.pttl(key) <= Number(longest)
}

const claim: Model = (redis, [verdict, lease, waiters, failed], [token, longest, channel, least, unusable]) => {
  const [text, ttl] = read(redis, verdict!)
  if (ttl > Number(least)) {
    const sha = sha1(text)
    if (sha !== unusable) return ['value', text, ttl, sha]
  }
  if (lasts(redis, failed!, longest!)) return ['failed', redis.get(failed!)]
  if (lasts(redis, lease!, longest!)) {
    redis.sadd(waiters!, channel!)
    redis.pexpire(waiters!, 60_000)
    return ['held', redis.pttl(lease!), sha1(redis.get(lease!) ?? '')]
  }
  redis.set(lease!, token!, Number(longest))
  return ['ours']
}

const fill: Model = (redis, [verdict, lease, waiters, failed, forgotten], [token, how, text, ...rest]) => {
  const [seconds, message, retry, replaced] = rest
  const holder = redis.get(lease!)
  if (holder !== token && (holder !== undefined || how === 'held')) return 0
  redis.del(lease!, failed!)
  const replaces = how === 'held' || sha1(read(redis, verdict!)[0]) === replaced
  if (!replaces && ((how === 'soft' && redis.pttl(verdict!) !== -2) || redis.exists(forgotten!))) {
    send(redis, waiters!, retry!)
    return 0
  }
  const stores = overwritable(redis, verdict!)
  if (stores) redis.set(verdict!, text!, Number(seconds) * 1000)
  send(redis, waiters!, message!)
  return stores ? 1 : 0
}

const fail: Model = (redis, [lease, waiters, failed], [token, reason, rememberMs, message]) => {
  if (redis.get(lease!) !== token) return 0
  redis.del(lease!)
  if (Number(rememberMs) > 0) redis.set(failed!, reason!, Number(rememberMs))
  send(redis, waiters!, message!)
  return 1
}

const forget: Model = (redis, [verdict, lease, waiters, failed, forgotten], [message, keepMs]) => {
  redis.del(lease!, failed!)
  redis.set(forgotten!, '1', Number(keepMs))
  if (overwritable(redis, verdict!)) redis.del(verdict!)
  send(redis, waiters!, message!)
  return 1
}

const publishStatement: Model = (redis, [allowed, forgotten, statements], args) => {
  const [kind, id, issued, keepMs, statement, channel, longestMs, memoryMs] = args
  const now = Math.floor(redis.epochMs + redis.nowMs)
  const sets = [[allowed!, 'allow:'], [forgotten!, 'forget:']] as const
  for (const [key, prefix] of sets) {
    for (const [old, end] of [...redis.scores(key)].sort((a, b) => a[1] - b[1]).slice(0, 100)) {
      if (end > now) continue
      redis.zkeep(key, (_, member) => member !== old)
      redis.hdel(statements!, prefix + old)
    }
    redis.zkeep(key, score => score <= now + Number(longestMs) + Number(memoryMs))
  }
  const field = `${kind}:${id}`
  const stored = Number(/^[^\n]*\n[^\n]*\n(\d+)\n/.exec(redis.fields(statements!).get(field) ?? '')?.[1])
  const isOlder = stored > Number(issued) && stored < now + 86_400_000
  if (isOlder && kind === 'forget') redis.published.push({ channel: channel!, message: statement! })
  if (isOlder) return 0
  let ends = now + Number(keepMs)
  if (kind === 'forget') for (const [key] of sets) ends = Math.max(ends, redis.scores(key).get(id!) ?? 0)
  redis.zadd(kind === 'allow' ? allowed! : forgotten!, ends, id!)
  redis.hset(statements!, { [field]: statement! })
  const last = Math.max(now + 1, ...sets.flatMap(([key]) => [...redis.scores(key).values()]))
  for (const key of [allowed!, forgotten!, statements!]) redis.pexpire(key, last - now)
  redis.published.push({ channel: channel!, message: statement! })
  return 1
}

const catchUp: Model = (redis, [allowed, forgotten, statements], [countsMs, lookBackMs, skip, count]) => {
  const now = Math.floor(redis.epochMs + redis.nowMs)
  const statement = (kind: string, id: string): string => redis.fields(statements!).get(`${kind}:${id}`) ?? ''
  const page = (key: string, least: (score: number) => boolean): [string, number][] => [...redis.scores(key)]
    .filter(([, score]) => least(score))
    .sort(([a, aScore], [b, bScore]) => bScore - aScore || (a < b ? 1 : -1))
    .slice(Number(skip), Number(skip) + Number(count))
  return [
    page(allowed!, score => score > now)
      .flatMap(([id, end]) => [statement('allow', id), String(end - now), statement('forget', id)]),
    page(forgotten!, score => score >= now + Number(countsMs) - Number(lookBackMs)).map(([id]) => statement('forget', id))
  ]
}

const renew: Model = (redis, [lease], [token, ms]) => redis.get(lease!) === token ? redis.pexpire(lease!, Number(ms)) : 0

const sendTo: Model = (redis, _, [channel, message]) => redis.published.push({ channel: channel!, message: message! })

/** By the text of the script. */
export const models: ReadonlyMap<string, Model> = new Map([
  [scripts.READ, (redis, keys) => keys.flatMap(key => read(redis, key))],
  [scripts.CLAIM, claim],
  [scripts.RENEW, renew],
  [scripts.FILL, fill],
  [scripts.FAIL, fail],
  [scripts.FORGET, forget],
  [scripts.PUBLISH_STATEMENT, publishStatement],
  [scripts.CATCH_UP, catchUp],
  [scripts.SEND, sendTo],
  [scripts.PROBE, () => 1],
  [quotaScript, quota],
  [holdScript, holdAll]
])
