/** Everything that is said to Redis, in Lua: one round trip each, and nothing can come between its steps. */

/** A longer value is none of ours. */
const MAX_VALUE_BYTES = 65_536

/**
 * `read(key)`: text and remaining milliseconds; as PTTL does, -1 stands for no TTL and -2 for no value, and -3 for another type or a value
 * too long. `overwritable(key)`: nothing is there, or an entry in our shape; all else is somebody else's.
 */
const helpers = `
local function read (key)
  local text = redis.pcall('GETRANGE', key, 0, ${MAX_VALUE_BYTES})
  if type(text) == 'table' or #text > ${MAX_VALUE_BYTES} then return '', -3 end
  return text, redis.call('PTTL', key)
end
local function overwritable (key)
  local text, ttl = read(key)
  if ttl == -2 then return true end
  if ttl < 0 or not string.find(text, '^%s*{') then return false end
  return (pcall(cjson.decode, text))
end
local function tell (waiters, message)
  for _, inbox in ipairs(redis.call('SMEMBERS', waiters)) do redis.call('PUBLISH', inbox, message) end
  redis.call('DEL', waiters)
end
`

/** KEYS: verdicts. Gives text, remaining milliseconds, text, … */
export const READ: string = `${helpers}
local reply = {}
for i, key in ipairs(KEYS) do reply[2 * i - 1], reply[2 * i] = read(key) end
return reply`

/**
 * KEYS: verdict, lease, waiters, failed. ARGV: token, lease ms, inbox, least remaining ms that counts as stored, SHA-1 of a value that does
 * not.
 * Gives `value`, text, remaining ms, SHA-1; `failed`, reason; `held`, remaining ms of the lease; `refused`, why; or `ours`.
 * Who finds a lease is put among the waiters in the same step, so that no message can pass in between.
 */
export const CLAIM: string = `${helpers}
local text, ttl = read(KEYS[1])
if ttl > tonumber(ARGV[4]) then
  local sha = redis.sha1hex(text)
  if sha ~= ARGV[5] then return { 'value', text, ttl, sha } end
end
local reason = redis.call('GET', KEYS[4])
if reason then return { 'failed', reason } end
if redis.call('EXISTS', KEYS[2]) == 1 then
  redis.pcall('SADD', KEYS[3], ARGV[3])
  redis.pcall('PEXPIRE', KEYS[3], 60000)
  return { 'held', redis.call('PTTL', KEYS[2]) }
end
local set = redis.pcall('SET', KEYS[2], ARGV[1], 'PX', ARGV[2])
if set.err then return { 'refused', set.err } end
return { 'ours' }`

/** KEYS: lease. ARGV: token, lease ms. Gives 1, or 0 when the lease is lost. */
export const RENEW: string = `
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('PEXPIRE', KEYS[1], ARGV[2])`

/**
 * KEYS: verdict, lease, waiters, failed. ARGV: token, `soft` (no lease will do too) or `held`, text, seconds to live, message to waiters.
 * Gives 1 when it was stored, 0 when the lease is lost or the key somebody else's, or why Redis refused.
 */
export const FILL: string = `${helpers}
local holder = redis.call('GET', KEYS[2])
if holder ~= ARGV[1] and (holder or ARGV[2] ~= 'soft') then return 0 end
redis.call('DEL', KEYS[2], KEYS[4])
local stored = 0
if overwritable(KEYS[1]) then
  local set = redis.pcall('SET', KEYS[1], ARGV[3], 'EX', ARGV[4])
  stored = set.err or 1
end
tell(KEYS[3], ARGV[5])
return stored`

/** KEYS: lease, waiters, failed. ARGV: token, reason, ms for which the failure is remembered (0: not), message to the waiters. */
export const FAIL: string = `${helpers}
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('DEL', KEYS[1])
if tonumber(ARGV[3]) > 0 then redis.pcall('SET', KEYS[3], ARGV[2], 'PX', ARGV[3]) end
tell(KEYS[2], ARGV[4])
return 1`

/** KEYS: verdict, lease, waiters, failed. ARGV: message to the waiters. A lease that is out stores nothing any more. */
export const FORGET: string = `${helpers}
redis.call('DEL', KEYS[2], KEYS[4])
if overwritable(KEYS[1]) then redis.call('DEL', KEYS[1]) end
tell(KEYS[3], ARGV[1])
return 1`

/** KEYS: set of notices. ARGV: id, ms for which it counts, channel, message. Scores are the time of its end, by the clock of Redis. */
export const NOTE: string = `
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)
redis.call('ZADD', KEYS[1], string.format('%.0f', now + ARGV[2]), ARGV[1])
local last = redis.call('ZREVRANGE', KEYS[1], 0, 0, 'WITHSCORES')
redis.call('PEXPIRE', KEYS[1], string.format('%.0f', math.max(1, last[2] - now)))
redis.call('PUBLISH', ARGV[3], ARGV[4])
return 1`

/** KEYS: allowed, forgotten. ARGV: ms for which what is forgotten counts, ms to look back. Gives { id, remaining ms, … }, { id, … }. */
export const CATCH_UP: string = `
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local allowed = {}
local found = redis.call('ZRANGEBYSCORE', KEYS[1], string.format('(%.0f', now), '+inf', 'WITHSCORES')
for i = 1, #found, 2 do
  allowed[i] = found[i]
  allowed[i + 1] = string.format('%.0f', found[i + 1] - now)
end
return { allowed, redis.call('ZRANGEBYSCORE', KEYS[2], string.format('%.0f', now + ARGV[1] - ARGV[2]), '+inf') }`

/** ARGV: channel, message. */
export const TELL: string = "return redis.call('PUBLISH', ARGV[1], ARGV[2])"
