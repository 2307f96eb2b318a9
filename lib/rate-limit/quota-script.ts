/**
 * What is left of a pause, and why it is. Its length is kept with the reason: Redis keeps the end, and where its clock
 * was set back, that is later than it was.
 */
const pause = `
local function pause (key)
  local left = redis.call('PTTL', key)
  local reason, length = string.match(left > 0 and redis.call('GET', key) or '', '^(%S*) ?(%d*)')
  length = tonumber(length) or left
  if left > length then redis.call('PEXPIRE', key, length) end
  return math.min(left, length), reason
end`

/**
 * The fleet's quota, in one step of Redis and by its clock: a log of calls (a true sliding window), the members, and
 * whether the count is complete. Keys and arguments: `redis-quota.ts`.
 *
 * Redis reserves a part of what is left for each member, which it may use while it cannot reach Redis. The others
 * leave these parts alone, so that calls in the log and parts together never exceed the limit. Each contact renews the
 * part, so what idle members do not use is free a few seconds later. A member says what it believes to be its part,
 * and the reservation is never less: it may not have received the last reply. A member that stays away loses its part
 * when its last calls have left the window. After a restart of Redis (another run_id) or a loss (a member remembers
 * another epoch) the count is not used for one window; until then each member reports what is to be reserved for it.
 * Calls that a member is just reporting otherwise (`reporting`) may not have arrived, so they count once more. Calls
 * that are reported have numbers, so that one that is reported again counts once. Of what is left for reads, a part is
 * reserved in the same way.
 *
 * Time never goes back here. Where the clock of Redis is set back, as by a failover, its lag is added to it. Each
 * member sends the time of its last contact (`seen`), and how long ago that was by its own clock (`ago`). This shows a
 * step of the clock of Redis, also the one that sets it right. For a process without an earlier contact, a clock that
 * caught up was set right. A step shorter than a beat (`retry`) only makes time stop until the clock has caught up.
 *
 * To walk over a thousand members takes a millisecond. So the sum of their parts and their number are kept in the
 * state, and counted anew twice a beat, when members that stay away are dropped.
 */
export const quotaScript: string = `${pause}
local calls, reads, members, state, hold = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local op, me, known, fresh, callId = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5]
local n = {}
for i = 6, 21 do n[i] = tonumber(ARGV[i]) end
local minute, minuteMax, minuteReads, day, dayMax, dayReads, burst, burstMax, absence, keep, retry, believed =
  n[6], n[7], n[8], n[9], n[10], n[11], n[12], n[13], n[14], n[15], n[16], n[17]
local believedReads, reporting, seen, ago = n[18], n[19], n[20], n[21]

if op == 'leave' then
  redis.call('HDEL', members, me)
  redis.call('HDEL', state, 'walked')
  return { 'left' }
end

local time = redis.call('TIME')
local clock = time[1] * 1000 + math.floor(time[2] / 1000)
local info = redis.pcall('INFO', 'server')
local runId = type(info) == 'string' and string.match(info, 'run_id:(%w+)') or ''

local names = { 'epoch', 'run', 'quiet', 'reserved', 'reservedReads', 'count', 'walked', 'now', 'lag' }
local stored = redis.call('HMGET', state, unpack(names))
local epoch, seenRun = stored[1], stored[2]
for i = 3, #names do stored[i] = tonumber(string.match(stored[i] or '', '^%d+$') or nil) end
local before = stored[8] or 0
local now = clock + (stored[9] or 0)
if seen > 0 then
  if math.abs(seen + ago - now) > retry then now = math.max(seen + ago, clock) end
elseif clock + retry >= before then
  now = clock
end
if now + retry < before then now = before end
local lag = now - clock
now = math.max(now, before)
local quiet, reserved, reservedReads, count, walked = stored[3], stored[4], stored[5], stored[6], stored[7]
local function waitForWindow()
  quiet = now + minute
  redis.call('HSET', state, 'quiet', quiet)
end
if not epoch then
  epoch = fresh
  redis.call('HSET', state, 'epoch', epoch, 'run', runId)
elseif seenRun ~= runId then
  redis.call('HSET', state, 'run', runId)
  waitForWindow()
end
if quiet and quiet > now + minute or known ~= '' and known ~= epoch and not quiet then waitForWindow() end

for i = 22, #ARGV, 3 do
  local at, id = now - tonumber(ARGV[i]), me .. ':offline:' .. ARGV[i + 1]
  redis.call('ZADD', calls, at, id)
  if ARGV[i + 2] == '1' then redis.call('ZADD', reads, at, id) end
end
if keep > 0 then
  redis.call('ZREMRANGEBYSCORE', calls, '-inf', now - keep)
  redis.call('ZREMRANGEBYSCORE', reads, '-inf', now - keep)
end

if not (reserved and reservedReads and count and walked) or walked > now or walked + retry / 2 <= now then
  reserved, reservedReads, count, walked = 0, 0, 0, now
  local flat = redis.call('HGETALL', members)
  for i = 1, #flat, 2 do
    local last, part, readPart = string.match(flat[i + 1], '(%d+):(%d+):?(%d*)')
    last = tonumber(last)
    if not last or last + absence + minute <= now then
      redis.call('HDEL', members, flat[i])
    else
      if last > now then redis.call('HSET', members, flat[i], string.format('%d:%d:%s', now, part, readPart)) end
      count = count + 1
      reserved = reserved + part
      reservedReads = reservedReads + (tonumber(readPart) or 0)
    end
  end
end
local own, ownReads = string.match(redis.call('HGET', members, me) or '', ':(%d+):?(%d*)')
local fence, readFence = reserved - (own or 0), reservedReads - (tonumber(ownReads) or 0)
if not own then count = count + 1 end

local function since(key, window)
  return redis.call('ZCOUNT', key, '(' .. (now - window), '+inf')
end

local wait = 0
local function bound(key, window, max, kept)
  if max < 0 or since(key, window) + kept < max then return end
  local last = max - kept > 0 and redis.call('ZREVRANGE', key, max - kept - 1, max - kept - 1, 'WITHSCORES')[2]
  local opensIn = last and math.max(1, last + window - now) or max == 0 and window or retry
  wait = math.max(wait, kept > 0 and math.min(opensIn, retry) or opensIn)
end

local answer = 'ok'
local held, reason = pause(hold)
if held > 0 then
  answer, wait = 'held', held
elseif quiet and quiet > now then
  answer, wait = 'quiet', quiet - now
elseif op ~= 'beat' then
  bound(calls, minute, minuteMax, fence + reporting)
  bound(calls, day, dayMax, reporting)
  if op == 'read' then
    bound(reads, minute, minuteReads, readFence + reporting)
    bound(reads, day, dayReads, reporting)
  end
  local lasting = wait
  if lasting == 0 then bound(calls, burst, burstMax, 0) end
  if wait > 0 then
    answer = lasting > 0 and 'full' or 'burst'
  elseif keep > 0 then
    redis.call('ZADD', calls, now, callId)
    if op == 'read' then redis.call('ZADD', reads, now, callId) end
  end
end

local used, usedReads = since(calls, minute), since(reads, minute)
local function partOf(max, used, kept)
  if max <= 0 or (quiet and quiet > now) then return 0 end
  return math.max(0, math.floor((max - used - kept - reporting) / math.max(2, count)))
end
local part, readPart = partOf(minuteMax, used, fence), partOf(minuteReads, usedReads, readFence)
local mine, mineReads = math.max(part, believed), math.max(readPart, believedReads)
redis.call('HSET', members, me, string.format('%d:%d:%d', now, mine, mineReads))
local function whole(number) return string.format('%d', number) end
redis.call('HSET', state, 'reserved', fence + mine, 'reservedReads', readFence + mineReads, 'count', count,
  'walked', whole(walked), 'now', whole(now), 'lag', whole(lag))
local ttl = math.max(keep, 20 * minute)
for i = 1, 4 do redis.call('PEXPIRE', KEYS[i], ttl) end
return {
  answer, epoch, reason, wait, quiet and math.max(0, quiet - now) or 0, count, part, readPart, used, since(calls, day),
  usedReads, since(reads, day), now
}
`

/** A pause for every process, never shorter than the one that is there. */
export const holdScript: string = `${pause}
if pause(KEYS[1]) < tonumber(ARGV[2]) then
  redis.call('SET', KEYS[1], ARGV[1] .. ' ' .. ARGV[2], 'PX', ARGV[2])
end
return 1
`
