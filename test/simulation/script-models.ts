import { holdScript, quotaScript } from '../../lib/rate-limit/quota-script.ts'
import * as scripts from '../../lib/redis/scripts.ts'
import { type RedisModel, sha1 } from './redis-model.ts'

/** A script as a function; `test/redis-scripts.test.ts` compares each with the Lua in a real Redis. */
type Model = (redis: RedisModel, keys: readonly string[], args: readonly string[]) => unknown

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
  const replaces = how === 'held' || (how === 'soft' && sha1(read(redis, verdict!)[0]) === replaced)
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

const quota: Model = (redis, [calls, reads, members, state, hold], args) => {
  const [op, me, known, fresh, callId] = args
  if (op === 'leave') {
    redis.hdel(members!, me!)
    redis.hdel(state!, 'walked')
    return ['left']
  }
  const [
    minute, minuteMax, minuteReads, day, dayMax, dayReads, burst, burstMax, absence, keep, retry, believed, reporting
  ] = args.slice(5, 18).map(Number) as [
    number, number, number, number, number, number, number, number, number, number, number, number, number
  ]
  const now = Math.floor(redis.nowMs)
  const stored = redis.fields(state!)
  let epoch = stored.get('epoch')
  let quiet = stored.has('quiet') ? Number(stored.get('quiet')) : undefined
  if (epoch === undefined) {
    epoch = fresh!
    redis.hset(state!, { epoch, run: redis.runId })
  } else if (stored.get('run') !== redis.runId) {
    quiet = now + minute
    redis.hset(state!, { run: redis.runId, quiet: String(quiet) })
  }
  if (known !== '' && known !== epoch && quiet === undefined) {
    quiet = now + minute
    redis.hset(state!, { quiet: String(quiet) })
  }
  for (let i = 18; i < args.length; i += 2) redis.zadd(calls!, now - Number(args[i]), `${me}:offline:${args[i + 1]}`)
  if (keep > 0) for (const key of [calls!, reads!]) redis.zkeep(key, score => score > now - keep)

  let [reserved, count, walked] = ['reserved', 'count', 'walked'].map(name => Number(redis.fields(state!).get(name))) as [number, number, number]
  if (Number.isNaN(reserved + count + walked) || walked > now || walked + retry / 2 <= now) {
    ;[reserved, count, walked] = [0, 0, now]
    for (const [member, seenAndPart] of redis.fields(members!)) {
      const [seen, part] = seenAndPart.split(':').map(Number) as [number, number]
      if (seen + absence + minute <= now) {
        redis.hdel(members!, member)
      } else {
        count++
        reserved += part
      }
    }
  }
  const before = redis.fields(members!).get(me!)?.split(':')[1]
  const fence = reserved - Number(before ?? 0)
  if (before === undefined) count++
  const since = (key: string, window: number): number =>
    [...redis.scores(key).values()].filter(score => score > now - window).length
  let wait = 0
  const bound = (key: string, window: number, max: number, kept: number): void => {
    if (max < 0 || since(key, window) + kept < max) return
    const newestFirst = [...redis.scores(key).values()].sort((a, b) => b - a)
    const last = max - kept > 0 ? newestFirst[max - kept - 1] : undefined
    const room = last !== undefined ? Math.max(1, last + window - now) : max === 0 ? window : retry
    wait = Math.max(wait, kept > 0 ? Math.min(room, retry) : room)
  }
  let answer = 'ok'
  const held = redis.pttl(hold!)
  const isQuiet = quiet !== undefined && quiet > now
  if (held > 0) {
    answer = 'held'
    wait = held
  } else if (isQuiet) {
    answer = 'quiet'
    wait = quiet! - now
  } else if (op !== 'beat') {
    bound(calls!, minute, minuteMax, fence + reporting)
    bound(calls!, day, dayMax, reporting)
    if (op === 'read') {
      bound(reads!, minute, minuteReads, 0)
      bound(reads!, day, dayReads, 0)
    }
    const lasting = wait
    if (lasting === 0) bound(calls!, burst, burstMax, 0)
    if (wait > 0) {
      answer = lasting > 0 ? 'full' : 'burst'
    } else if (keep > 0) {
      redis.zadd(calls!, now, callId!)
      if (op === 'read') redis.zadd(reads!, now, callId!)
    }
  }
  const used = since(calls!, minute)
  const part = minuteMax > 0 && !isQuiet
    ? Math.max(0, Math.floor((minuteMax - used - fence - reporting) / Math.max(2, count)))
    : 0
  const mine = Math.max(part, believed)
  redis.hset(members!, { [me!]: `${now}:${mine}` })
  redis.hset(state!, { reserved: String(fence + mine), count: String(count), walked: String(walked) })
  for (const key of [calls!, reads!, members!, state!]) redis.pexpire(key, Math.max(keep, 20 * minute))
  return [answer, wait, epoch, count, part, used, since(calls!, day), held > 0 ? redis.get(hold!) : '']
}

const holdAll: Model = (redis, [hold], [reason, forMs]) => {
  if (redis.pttl(hold!) < Number(forMs)) redis.set(hold!, reason!, Number(forMs))
  return 1
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
