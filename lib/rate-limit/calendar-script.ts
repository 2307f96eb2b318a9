/**
 * KEYS: the hash of the window. ARGV: limit of all and of reads, `read` or `write`, amount, what is known to be used
 * (all, reads: a floor, so that a count that Redis lost comes back), what this process has used without Redis in the
 * window, how much of that Redis is known to have, ms to keep it, id of the process. Redis adds what it does not have,
 * so a report that was answered too late is not counted again. Returns 1 if the amount is granted, and what is used.
 */
export const calendarScript = `
local me = ARGV[12]
local stored = redis.call('HMGET', KEYS[1], 'all', 'reads', me .. ':all', me .. ':reads')
local max, maxReads, isRead, amount = tonumber(ARGV[1]), tonumber(ARGV[2]), ARGV[3] == 'read', tonumber(ARGV[4])
local function used (i)
  local known, offline, reported = tonumber(ARGV[4 + i]), tonumber(ARGV[6 + i]), tonumber(ARGV[8 + i])
  local here = math.max(reported, tonumber(stored[2 + i] or '0'))
  return math.max(tonumber(stored[i] or '0') + math.max(0, offline - here), known + math.max(0, offline - reported))
end
local all, reads = used(1), used(2)
local granted = 0
if all + amount <= max + 1e-6 and (not isRead or reads + amount <= maxReads + 1e-6) then
  granted = 1
  all = all + amount
  if isRead then reads = reads + amount end
end
redis.call('HSET', KEYS[1], 'all', string.format('%.6f', all), 'reads', string.format('%.6f', reads))
for i, name in ipairs({ ':all', ':reads' }) do
  local total = ARGV[6 + i]
  if tonumber(total) > tonumber(stored[2 + i] or '0') then redis.call('HSET', KEYS[1], me .. name, total) end
end
redis.call('PEXPIRE', KEYS[1], ARGV[11])
return { granted, string.format('%.6f', all), string.format('%.6f', reads) }
`
