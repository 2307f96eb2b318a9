import type { RedisClientLike } from '../../../types/redis.ts'
import { TooLate, within } from '../../util/index.ts'

/** One command, within its time. */
export type Call = (...command: readonly [string, ...(string | number)[]]) => Promise<unknown>

/** Each command of the plugin's scripts, with arguments on one key of our own; a DEL between types. */
const ownCommands = [
  'SET k 1 PX 5000', 'GET k', 'GETRANGE k 0 1', 'PTTL k', 'PEXPIRE k 5000', 'DEL k', 'SADD k a', 'SMEMBERS k', 'DEL k',
  'HSET k f v', 'HGET k f', 'HMGET k f', 'HGETALL k', 'HDEL k f', 'DEL k', 'ZADD k 1 a', 'ZSCORE k a', 'ZCOUNT k 0 1',
  'ZRANGEBYSCORE k 0 1', 'ZREVRANGE k 0 0', 'ZREVRANGEBYSCORE k 1 0', 'ZREM k a', 'ZREMRANGEBYSCORE k 0 1', 'DEL k',
  'TIME'
]
const verdictCommands = ['SET k 1 EX 5', 'GETRANGE k 0 1', 'PTTL k', 'DEL k']

/** ARGV: commands as above. Returns the names of those that are refused. */
const TRY = `
local refused = {}
for _, line in ipairs(ARGV) do
  local words = {}
  for word in string.gmatch(line, '%S+') do words[#words + 1] = word == 'k' and KEYS[1] or word end
  local reply = redis.pcall(unpack(words))
  if type(reply) == 'table' and reply.err then refused[#refused + 1] = words[1] end
end
return refused`

export interface RightOptions {
  readonly messages: RedisClientLike
  readonly keyPrefix: string
  readonly stepMs: number
  /** Part of the names of our keys, so that nobody else has them. */
  readonly tag: string
}

/** What the user may not do, in words. Leaves nothing behind. */
export async function missingRights (call: Call, options: RightOptions): Promise<string[]> {
  const { messages, keyPrefix, stepMs, tag } = options
  const own = `ip-risk:doctor:{${tag}}`
  const verdict = `${keyPrefix}doctor:${tag}`
  const channel = `ip-risk:doctor:${tag}`
  return [
    ...await refused('EVALSHA', () => call('EVALSHA', '0'.repeat(40), 0)),
    ...await scripted(call, own, ownCommands, 'ip-risk:*'),
    ...await scripted(call, verdict, verdictCommands, `${keyPrefix}*`),
    ...await refused('PUBLISH to ip-risk:*', () => call('PUBLISH', channel, '')),
    ...await refused('SUBSCRIBE to ip-risk:*', () => within(stepMs, messages.subscribe(channel)))
  ]
}

async function scripted (call: Call, key: string, commands: readonly string[], keys: string): Promise<string[]> {
  let names: readonly unknown[] = []
  const whole = await refused(`scripts (EVAL) on keys ${keys}`, async () => {
    names = await call('EVAL', TRY, 1, key, ...commands) as unknown[]
  })
  if (whole.length > 0) return whole
  const unique = [...new Set(names.map(String))]
  const all = new Set(commands.filter(line => line.includes(' k')).map(line => line.split(' ')[0]))
  // All of them: the keys are refused, not the commands.
  return unique.length >= all.size ? [`keys ${keys}`] : unique.map(name => `${name} on keys ${keys}`)
}

/** An error of another kind, such as NOSCRIPT, shows that the command itself is allowed. */
async function refused (what: string, run: () => Promise<unknown>): Promise<string[]> {
  try {
    await run()
    return []
  } catch (error) {
    if (error instanceof TooLate) throw error
    return /NOPERM|READONLY|OOM|unknown command/i.test((error as Error).message) ? [what] : []
  }
}
