import type { RedisModel } from './redis-model.ts'
import type { Model } from './script-models.ts'

function pause (redis: RedisModel, key: string): [leftMs: number, reason: string] {
  const left = redis.pttl(key)
  const [, reason, text] = /^(\S*) ?(\d*)/.exec(left > 0 ? redis.get(key)! : '')!
  const length = text === '' ? left : Number(text)
  if (left > length) redis.pexpire(key, length)
  return [Math.min(left, length), reason!]
}

/** `lib/rate-limit/quota-script.ts` explains it. */
export const quota: Model = (redis, [calls, reads, members, state, hold], args) => {
  const [op, me, known, fresh, callId] = args
  if (op === 'leave') {
    redis.hdel(members!, me!)
    redis.hdel(state!, 'walked')
    return ['left']
  }
  const [
    minute, minuteMax, minuteReads, day, dayMax, dayReads, burst, burstMax, absence, keep, retry, believed,
    believedReads, reporting, seen, ago
  ] = args.slice(5, 21).map(Number) as [
    number, number, number, number, number, number, number, number, number, number, number, number, number, number, number, number
  ]
  const clock = Math.floor(redis.nowMs)
  const stored = redis.fields(state!)
  const numberOf = (name: string): number => /^\d+$/.test(stored.get(name) ?? '') ? Number(stored.get(name)) : NaN
  const before = numberOf('now') || 0
  let now = clock + (numberOf('lag') || 0)
  if (seen > 0) {
    if (Math.abs(seen + ago - now) > retry) now = Math.max(seen + ago, clock)
  } else if (clock + retry >= before) {
    now = clock
  }
  if (now + retry < before) now = before
  const lag = now - clock
  now = Math.max(now, before)
  let epoch = stored.get('epoch')
  let quiet = Number.isNaN(numberOf('quiet')) ? undefined : numberOf('quiet')
  const waitForWindow = (): void => {
    quiet = now + minute
    redis.hset(state!, { quiet: String(quiet) })
  }
  if (epoch === undefined) {
    epoch = fresh!
    redis.hset(state!, { epoch, run: redis.runId })
  } else if (stored.get('run') !== redis.runId) {
    redis.hset(state!, { run: redis.runId })
    waitForWindow()
  }
  if (quiet !== undefined ? quiet > now + minute : known !== '' && known !== epoch) waitForWindow()
  let [reserved, reservedReads, count, walked] = ['reserved', 'reservedReads', 'count', 'walked']
    .map(numberOf) as [number, number, number, number]
  for (let i = 21; i < args.length; i += 3) {
    const [at, id] = [now - Number(args[i]), `${me}:offline:${args[i + 1]}`]
    redis.zadd(calls!, at, id)
    if (args[i + 2] === '1') redis.zadd(reads!, at, id)
  }
  if (keep > 0) for (const key of [calls!, reads!]) redis.zkeep(key, score => score > now - keep)

  if (Number.isNaN(reserved + reservedReads + count + walked) || walked > now || walked + retry / 2 <= now) {
    ;[reserved, reservedReads, count, walked] = [0, 0, 0, now]
    for (const [member, parts] of redis.fields(members!)) {
      const [last, part, readPart] = parts.split(':').map(Number) as [number, number, number?]
      if (Number.isNaN(last) || last + absence + minute <= now) {
        redis.hdel(members!, member)
      } else {
        if (last > now) redis.hset(members!, { [member]: `${now}:${part}:${readPart ?? ''}` })
        count++
        reserved += part
        reservedReads += readPart ?? 0
      }
    }
  }
  const [, own, ownReads] = redis.fields(members!).get(me!)?.split(':') ?? []
  const fence = reserved - Number(own ?? 0)
  const readFence = reservedReads - Number(ownReads ?? 0)
  if (own === undefined) count++
  const since = (key: string, window: number): number =>
    [...redis.scores(key).values()].filter(score => score > now - window).length
  let wait = 0
  const bound = (key: string, window: number, max: number, kept: number): void => {
    if (max < 0 || since(key, window) + kept < max) return
    const newestFirst = [...redis.scores(key).values()].sort((a, b) => b - a)
    const last = max - kept > 0 ? newestFirst[max - kept - 1] : undefined
    const opensIn = last !== undefined ? Math.max(1, last + window - now) : max === 0 ? window : retry
    wait = Math.max(wait, kept > 0 ? Math.min(opensIn, retry) : opensIn)
  }
  let answer = 'ok'
  const [held, reason] = pause(redis, hold!)
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
      bound(reads!, minute, minuteReads, readFence + reporting)
      bound(reads!, day, dayReads, reporting)
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
  const [used, usedReads] = [since(calls!, minute), since(reads!, minute)]
  const partOf = (max: number, used: number, kept: number): number =>
    max > 0 && !isQuiet ? Math.max(0, Math.floor((max - used - kept - reporting) / Math.max(2, count))) : 0
  const [part, readPart] = [partOf(minuteMax, used, fence), partOf(minuteReads, usedReads, readFence)]
  const [mine, mineReads] = [Math.max(part, believed), Math.max(readPart, believedReads)]
  redis.hset(members!, { [me!]: `${now}:${mine}:${mineReads}` })
  redis.hset(state!, {
    reserved: String(fence + mine),
    reservedReads: String(readFence + mineReads),
    count: String(count),
    walked: String(walked),
    now: String(now),
    lag: String(lag)
  })
  for (const key of [calls!, reads!, members!, state!]) redis.pexpire(key, Math.max(keep, 20 * minute))
  return [
    answer, epoch, reason, wait, isQuiet ? quiet! - now : 0, count, part, readPart, used, since(calls!, day), usedReads, since(reads!, day),
    now
  ]
}

export const holdAll: Model = (redis, [hold], [reason, forMs]) => {
  if (pause(redis, hold!)[0] < Number(forMs)) redis.set(hold!, `${reason} ${forMs}`, Number(forMs))
  return 1
}
