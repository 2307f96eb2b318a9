import type { Model } from './script-models.ts'

/** `lib/rate-limit/quota-script.ts` explains it. */
export const quota: Model = (redis, [calls, reads, members, state, hold], args) => {
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
  if (known !== '' && known !== epoch && quiet === undefined) waitForWindow()
  let [reserved, count, walked] = ['reserved', 'count', 'walked'].map(name => Number(stored.get(name))) as [number, number, number]
  if (!(walked <= now)) {
    for (const key of [calls!, reads!]) for (const [id, at] of redis.scores(key)) if (at > now) redis.zadd(key, now, id)
    if (quiet !== undefined && quiet > now + minute) waitForWindow()
    if (!Number.isNaN(walked)) redis.hset(state!, { was: String(Math.max(Number(stored.get('was') ?? 0), walked)) })
  } else if (Number(stored.get('was')) <= now) {
    redis.hdel(state!, 'was')
    if (walked + minute <= now) waitForWindow()
  }
  for (let i = 18; i < args.length; i += 3) {
    const [at, id] = [now - Number(args[i]), `${me}:offline:${args[i + 1]}`]
    redis.zadd(calls!, at, id)
    if (args[i + 2] === '1') redis.zadd(reads!, at, id)
  }
  if (keep > 0) for (const key of [calls!, reads!]) redis.zkeep(key, score => score > now - keep)

  if (Number.isNaN(reserved + count + walked) || walked > now || walked + retry / 2 <= now) {
    ;[reserved, count, walked] = [0, 0, now]
    for (const [member, seenAndPart] of redis.fields(members!)) {
      const [lastSeen, part] = seenAndPart.split(':').map(Number) as [number, number]
      const seen = Math.min(lastSeen, now)
      if (seen < lastSeen) redis.hset(members!, { [member]: `${seen}:${part}` })
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
    const opensIn = last !== undefined ? Math.max(1, last + window - now) : max === 0 ? window : retry
    wait = Math.max(wait, kept > 0 ? Math.min(opensIn, retry) : opensIn)
  }
  let answer = 'ok'
  let held = redis.pttl(hold!)
  const [, reason, length] = /^(\S*) ?(\d*)/.exec(held > 0 ? redis.get(hold!)! : '')!
  if (length !== '' && held > Number(length)) {
    held = Number(length)
    redis.pexpire(hold!, held)
  }
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
  return [
    answer, epoch, reason, wait, count, part, used, since(calls!, day), since(reads!, minute), since(reads!, day)
  ]
}

export const holdAll: Model = (redis, [hold], [reason, forMs]) => {
  if (redis.pttl(hold!) < Number(forMs)) redis.set(hold!, `${reason} ${forMs}`, Number(forMs))
  return 1
}
