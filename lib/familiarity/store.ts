import { LRUCache } from 'lru-cache'
import type { ScriptRunner } from '../redis/index.ts'
import { type Bounds, type History, learned, type Lesson, nothingKnown, readNetwork } from './history.ts'

/** What is remembered of accounts. `account` is an HMAC. All methods reject when Redis does not answer in time. */
export interface FamiliarityStore {
  /** At once where this process has it. */
  read (account: string): History | Promise<History>
  learn (account: string, lesson: Lesson, bounds: Bounds): Promise<void>
  forget (account: string): Promise<void>
}

/** Accounts in the memory of one process. */
const MAX_ACCOUNTS = 10_000
/** How long a process answers from its memory what another one may have changed in Redis. */
const FRESH_MS = 60_000

/** For an application without Redis. */
export function memoryStore (): FamiliarityStore {
  const accounts = new LRUCache<string, History>({ max: MAX_ACCOUNTS })
  return {
    read: account => accounts.get(account) ?? nothingKnown,
    async learn (account, lesson, bounds) {
      accounts.set(account, learned(accounts.get(account) ?? nothingKnown, lesson, bounds))
    },
    async forget (account) { accounts.delete(account) }
  }
}

/** A hash for each account: a field for each network, and one for the place. */
export function redisStore (redis: ScriptRunner, keyPrefix: string, now: () => number): FamiliarityStore {
  const recent = new LRUCache<string, History & { readonly untilMs: number }>({ max: MAX_ACCOUNTS })
  const keyOf = (account: string): string => `ip-risk:familiarity:${keyPrefix}${account}`
  /** Counts changes, so that a reply from before a change is not kept. */
  let changes = 0
  const drop = (account: string): void => {
    changes++
    recent.delete(account)
  }

  async function load (account: string): Promise<History> {
    const before = changes
    const history = parse(await redis.run(READ, [keyOf(account)], []))
    if (before === changes) recent.set(account, { ...history, untilMs: now() + FRESH_MS })
    return history
  }

  return {
    read (account) {
      const held = recent.get(account)
      return held !== undefined && held.untilMs > now() ? held : load(account)
    },
    async learn (account, { id, network, asn, country, atMs, strength, place }, { rememberMs, maxNetworks }) {
      drop(account)
      try {
        await redis.run(LEARN, [keyOf(account)], [
          id, network, asn || '-', country || '-', Math.floor(atMs), strength, rememberMs, maxNetworks, place
        ])
      } finally {
        drop(account)
      }
    },
    async forget (account) {
      drop(account)
      try {
        await redis.run(FORGET, [keyOf(account)], [])
      } finally {
        drop(account)
      }
    }
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
const FORGET = 'return redis.call(\'DEL\', KEYS[1])'

/** `learned` of history.ts, as one step: two processes may learn at once. */
const LEARN = `
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
  if all[i] ~= 'place' then
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
