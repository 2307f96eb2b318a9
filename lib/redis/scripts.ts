import { createHash } from 'node:crypto'

/** The Lua scripts of verdicts, leases and statements: one round trip each, and atomic. */

/** As Redis and `redis.sha1hex` of Lua: names a script, a version of an entry, or a lease without its secret token. */
export function sha1 (text: string): string {
  return createHash('sha1').update(text).digest('hex')
}

/** A longer value is not ours. */
const MAX_VALUE_BYTES = 65_536

/**
 * `read(key)`: text and remaining milliseconds; as in PTTL, -1 means no TTL and -2 no value, and -3 another type or a
 * value too long. `overwritable(key)`: there is nothing, or an entry of our shape; anything else belongs to another
 * program. `lasts(key, longest)`: it exists, and ends no later than one of ours; what another program wrote without a
 * TTL must block no lookup.
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
  if pcall(cjson.decode, text) then return true end
  -- Unlike cjson, JSON.parse accepts half a surrogate pair.
  local escapes = string.gsub(text, '\\\\\\\\', '?')
  return (pcall(cjson.decode, (string.gsub(escapes, '\\\\u[dD][89a-fA-F]%x%x', '?'))))
end
local function send (waiters, message)
  for _, channel in ipairs(redis.pcall('SMEMBERS', waiters)) do redis.call('PUBLISH', channel, message) end
  redis.call('DEL', waiters)
end
local function lasts (key, longest)
  local ttl = redis.call('PTTL', key)
  return ttl >= 0 and ttl <= tonumber(longest)
end
`

/** KEYS: verdicts. Returns text, remaining milliseconds, text, … */
export const READ: string = `${helpers}
local reply = {}
for i, key in ipairs(KEYS) do reply[2 * i - 1], reply[2 * i] = read(key) end
return reply`

/**
 * KEYS: verdict, lease, waiters, failed. ARGV: token, longest ms of a lease or a failure, channel of the process, least
 * remaining ms that counts as stored, SHA-1 of a value that does not.
 * Returns `value`, text, remaining ms, SHA-1; `failed`, reason; `held`, remaining ms of the lease, SHA-1 of its token;
 * `refused`, why; or `ours`. A process that finds a lease is added to the waiters in the same step, so that it misses
 * no message.
 */
export const CLAIM: string = `${helpers}
local text, ttl = read(KEYS[1])
if ttl > tonumber(ARGV[4]) then
  local sha = redis.sha1hex(text)
  if sha ~= ARGV[5] then return { 'value', text, ttl, sha } end
end
if lasts(KEYS[4], ARGV[2]) then return { 'failed', redis.call('GET', KEYS[4]) } end
if lasts(KEYS[2], ARGV[2]) then
  redis.pcall('SADD', KEYS[3], ARGV[3])
  redis.pcall('PEXPIRE', KEYS[3], 60000)
  local token = redis.pcall('GET', KEYS[2])
  return { 'held', redis.call('PTTL', KEYS[2]), type(token) == 'string' and redis.sha1hex(token) or '' }
end
local set = redis.pcall('SET', KEYS[2], ARGV[1], 'PX', ARGV[2])
if set.err then return { 'refused', set.err } end
return { 'ours' }`

/** KEYS: lease. ARGV: token, lease ms. Returns 1, or 0 when the lease is lost. */
export const RENEW: string = `
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('PEXPIRE', KEYS[1], ARGV[2])`

/**
 * KEYS: verdict, lease, waiters, failed, forgotten. ARGV: token, `held`, `soft` or `blind` (both store without a lease,
 * too), text, seconds to live, message to the waiters, message that lets them claim, SHA-1 of the text that it
 * replaces.
 * Returns 1 when it was stored, 0 when the lease is lost or the key belongs to another program, or why Redis refused.
 * `blind` is a call without a lease, which may have begun before the address was forgotten, however late this arrives:
 * one without Redis, or an escalation. `soft` is a final answer: it replaces only the first one to the same question.
 */
export const FILL: string = `${helpers}
local holder = redis.call('GET', KEYS[2])
if holder ~= ARGV[1] and (holder or ARGV[2] == 'held') then return 0 end
redis.call('DEL', KEYS[2], KEYS[4])
local replaces = ARGV[2] == 'held' or redis.sha1hex((read(KEYS[1]))) == ARGV[7]
local isOther = ARGV[2] == 'soft' and redis.call('PTTL', KEYS[1]) ~= -2
if not replaces and (isOther or redis.call('GET', KEYS[5])) then
  send(KEYS[3], ARGV[6])
  return 0
end
local stored = 0
if overwritable(KEYS[1]) then
  local set = redis.pcall('SET', KEYS[1], ARGV[3], 'EX', ARGV[4])
  stored = set.err or 1
end
send(KEYS[3], ARGV[5])
return stored`

/** KEYS: lease, waiters, failed. ARGV: token, reason, ms to remember the failure (0: not), message to the waiters. */
export const FAIL: string = `${helpers}
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('DEL', KEYS[1])
if tonumber(ARGV[3]) > 0 then redis.pcall('SET', KEYS[3], ARGV[2], 'PX', ARGV[3]) end
send(KEYS[2], ARGV[4])
return 1`

/**
 * KEYS: verdict, lease, waiters, failed, forgotten. ARGV: message to the waiters, ms for which `forgotten` is kept.
 * Ends the lease, so that it stores nothing.
 */
export const FORGET: string = `${helpers}
redis.call('DEL', KEYS[2], KEYS[4])
redis.pcall('SET', KEYS[5], '1', 'PX', ARGV[2])
if overwritable(KEYS[1]) then redis.call('DEL', KEYS[1]) end
send(KEYS[3], ARGV[1])
return 1`

/** What follows them must not overtake them, as it could where Redis does not know a script by its SHA-1. */
export const sentInFull: ReadonlySet<string> = new Set([FORGET])

const clock = `
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
`

/**
 * KEYS: allowed, forgotten, statements. ARGV: kind (`allow`, `forget`), id, issued at, ms to keep it, statement,
 * channel, longest allow in ms, longest ms that a process caches a verdict.
 * The sets have the end of each id by the clock of Redis, the hash has the statements. A revocation is kept as long as
 * the allow that it ends. An end beyond the longest allow was not written by us, and is dropped. Returns 0 when a later
 * statement of the kind is stored: an invalidation is published all the same, since clocks differ.
 */
export const PUBLISH_STATEMENT: string = `${clock}
local kind, id, issued = ARGV[1], ARGV[2], tonumber(ARGV[3])
local farthest = now + ARGV[7] + ARGV[8]
for i, kind in ipairs({ 'allow:', 'forget:' }) do
  for _, old in ipairs(redis.call('ZRANGEBYSCORE', KEYS[i], '-inf', now, 'LIMIT', 0, 100)) do
    redis.call('ZREM', KEYS[i], old)
    redis.call('HDEL', KEYS[3], kind .. old)
  end
  redis.call('ZREMRANGEBYSCORE', KEYS[i], string.format('(%.0f', farthest), '+inf')
end
local field = kind .. ':' .. id
local stored = tonumber(string.match(redis.call('HGET', KEYS[3], field) or '', '^[^\\n]*\\n[^\\n]*\\n(%d+)\\n') or nil)
if stored and stored > issued and stored < now + 86400000 then
  if kind == 'forget' then redis.call('PUBLISH', ARGV[6], ARGV[5]) end
  return 0
end
local ends = now + ARGV[4]
if kind == 'forget' then
  for i = 1, 2 do ends = math.max(ends, tonumber(redis.call('ZSCORE', KEYS[i], id) or 0)) end
end
redis.call('ZADD', KEYS[kind == 'allow' and 1 or 2], string.format('%.0f', ends), id)
redis.call('HSET', KEYS[3], field, ARGV[5])
local last = now + 1
for i = 1, 2 do last = math.max(last, tonumber(redis.call('ZREVRANGE', KEYS[i], 0, 0, 'WITHSCORES')[2] or 0)) end
for i = 1, 3 do redis.call('PEXPIRE', KEYS[i], string.format('%.0f', last - now)) end
redis.call('PUBLISH', ARGV[6], ARGV[5])
return 1`

/**
 * KEYS: allowed, forgotten, statements. ARGV: ms for which a `forget` counts, ms to look back, and how many statements
 * of a kind to skip and to return.
 * Returns { statement, remaining ms, revocation or '', … }, { statement, … }.
 */
export const CATCH_UP: string = `${clock}
local function statement (kind, id) return redis.call('HGET', KEYS[3], kind .. ':' .. id) or '' end
local allowed, forgotten = {}, {}
local after = string.format('(%.0f', now)
local found = redis.call('ZREVRANGEBYSCORE', KEYS[1], '+inf', after, 'WITHSCORES', 'LIMIT', ARGV[3], ARGV[4])
for i = 1, #found, 2 do
  local n = #allowed
  allowed[n + 1] = statement('allow', found[i])
  allowed[n + 2] = string.format('%.0f', found[i + 1] - now)
  allowed[n + 3] = statement('forget', found[i])
end
local since = string.format('%.0f', now + ARGV[1] - ARGV[2])
for i, id in ipairs(redis.call('ZREVRANGEBYSCORE', KEYS[2], '+inf', since, 'LIMIT', ARGV[3], ARGV[4])) do
  forgotten[i] = statement('forget', id)
end
return { allowed, forgotten }`

/** ARGV: channel, message. */
export const SEND: string = "return redis.call('PUBLISH', ARGV[1], ARGV[2])"

/** KEYS: one, on the node that is probed. */
export const PROBE: string = 'return 1'

const operations: ReadonlyMap<string, string> = new Map([
  [READ, 'get'], [CLAIM, 'lease'], [RENEW, 'lease'], [FILL, 'fill'], [FAIL, 'fill'], [FORGET, 'forget'],
  [PUBLISH_STATEMENT, 'publish'], [CATCH_UP, 'catch_up'], [SEND, 'publish'], [PROBE, 'probe']
])

/** One word for metrics. Scripts of other folders count calls against quotas. */
export function operationOf (script: string): string {
  return operations.get(script) ?? 'quota'
}
