import { LRUCache } from 'lru-cache'
import type { ScriptRunner } from '../redis/index.ts'
import { type Bounds, type History, learned, type Lesson, nothingKnown, readNetwork } from './history.ts'

/** What is remembered of accounts. `account` is an HMAC. All methods reject when Redis does not answer in time. */
interface FamiliarityStore {
  read (account: string): History | Promise<History>
  /** Learns nothing from a request that is older than the last `forget`: it came `ageMs` ago. */
  learn (account: string, lesson: Lesson, bounds: Bounds, ageMs: number): Promise<void>
  forget (account: string): Promise<void>
}

/** Accounts in the memory of one process. */
const MAX_ACCOUNTS = 10_000
/** How long it is known that an account was forgotten: requests that are older teach nothing. */
export const FORGOTTEN_MS = 3_600_000

/** For an application without Redis. */
export function memoryStore (): FamiliarityStore {
  const accounts = new LRUCache<string, History>({ max: MAX_ACCOUNTS })
  const forgotten = new LRUCache<string, number>({ max: MAX_ACCOUNTS, ttl: FORGOTTEN_MS })
  return {
    read: account => accounts.get(account) ?? nothingKnown,
    async learn (account, lesson, bounds, ageMs) {
      if (performance.now() - ageMs < (forgotten.get(account) ?? -Infinity)) return
      accounts.set(account, learned(accounts.get(account) ?? nothingKnown, lesson, bounds))
    },
    async forget (account) {
      accounts.delete(account)
      forgotten.set(account, performance.now())
    }
  }
}

/** A hash for each account: a field for each network, one for the place, and for an hour when it was forgotten. */
export function redisStore (redis: ScriptRunner, keyPrefix: string): FamiliarityStore {
  const keyOf = (account: string): string => `ip-risk:familiarity:${keyPrefix}${account}`
  return {
    read: async account => parse(await redis.run(READ, [keyOf(account)], [])),
    async learn (account, { id, network, asn, country, atMs, strength, place }, { rememberMs, maxNetworks }, ageMs) {
      await redis.run(LEARN, [keyOf(account)], [
        id, network, asn || '-', country || '-', Math.floor(atMs), strength, rememberMs, maxNetworks, place,
        Math.floor(ageMs), FORGOTTEN_MS
      ])
    },
    async forget (account) { await redis.run(FORGET, [keyOf(account)], [FORGOTTEN_MS]) }
  }
}

function parse (reply: unknown): History {
  const networks = []
  let place = ''
  if (Array.isArray(reply)) {
    for (let i = 0; i + 1 < reply.length; i += 2) {
      const [field, text] = [String(reply[i]), String(reply[i + 1])]
      if (field === 'place') place = text
      else {
        const network = readNetwork(field, text)
        if (network !== undefined) networks.push(network)
      }
    }
  }
  return { networks, place }
}

const READ = 'return redis.call(\'HGETALL\', KEYS[1])'
/** By the clock of Redis, so that the clocks of processes do not matter. */
const clock = `
local time = redis.call('TIME')
local redisNow = time[1] * 1000 + math.floor(time[2] / 1000)
`

/** ARGV: for how many ms to keep that it was forgotten. */
const FORGET = `${clock}
redis.call('DEL', KEYS[1])
redis.call('HSET', KEYS[1], 'forgotten', string.format('%.0f', redisNow))
return redis.call('PEXPIRE', KEYS[1], ARGV[1])`

/** `learned` of history.ts, as one step: two processes may learn at once. */
const LEARN = `${clock}
local forgotten = tonumber(redis.call('HGET', KEYS[1], 'forgotten') or nil)
if forgotten then
  if redisNow - ARGV[10] < forgotten then return 0 end
  if redisNow - forgotten > tonumber(ARGV[11]) then redis.call('HDEL', KEYS[1], 'forgotten') end
end
local function split(text)
  local parts = {}
  for part in string.gmatch(text, '%S+') do parts[#parts + 1] = part end
  return parts
end
local function whole(number) return string.format('%.0f', number) end
local id, now, strength = ARGV[1], tonumber(ARGV[5]), tonumber(ARGV[6])
local remember, max = tonumber(ARGV[7]), tonumber(ARGV[8])
local first, last, count, confirmed = now, now, 0, 0
if strength == 2 then confirmed = now end
local held = redis.call('HGET', KEYS[1], id)
if held then
  local old = split(held)
  first, count = tonumber(old[4]) or now, tonumber(old[6]) or 0
  last = math.max(now, tonumber(old[5]) or 0)
  if strength < 2 then confirmed = tonumber(old[8]) or 0 end
  strength = math.max(strength, tonumber(old[7]) or 0)
end
local line = { ARGV[2], ARGV[3], ARGV[4], whole(first), whole(last), whole(count + 1), whole(strength),
  whole(confirmed) }
redis.call('HSET', KEYS[1], id, table.concat(line, ' '))
if ARGV[9] ~= '' then redis.call('HSET', KEYS[1], 'place', ARGV[9]) end
local all, kept = redis.call('HGETALL', KEYS[1]), {}
for i = 1, #all, 2 do
  if all[i] ~= 'place' and all[i] ~= 'forgotten' then
    local parts = split(all[i + 1])
    local used = tonumber(parts[5]) or 0
    if now - used >= remember then redis.call('HDEL', KEYS[1], all[i])
    else kept[#kept + 1] = { all[i], tonumber(parts[7]) or 0, used } end
  end
end
table.sort(kept, function(a, b) if a[2] ~= b[2] then return a[2] > b[2] end return a[3] > b[3] end)
for i = max + 1, #kept do redis.call('HDEL', KEYS[1], kept[i][1]) end
redis.call('PEXPIRE', KEYS[1], whole(remember))
return 1`
