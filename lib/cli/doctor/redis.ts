import { randomBytes } from 'node:crypto'
import type { EngineOptions, IpRiskLogger } from '../../../types/contract.ts'
import type { RedisClientLike } from '../../../types/redis.ts'
import { connectRedis } from '../../redis/index.ts'
import { TooLate, within } from '../../util/index.ts'
import { type Finding, messageOf, reporter } from './finding.ts'

const report = reporter('redis')
const aclDocs = 'docs/cache-and-fleet.md, "Who may write to this Redis", has the line'
const nothing = (): void => {}
const silent: IpRiskLogger = { debug: nothing, info: nothing, warn: nothing, error: nothing }
const CLOCK_MS = 1_000

interface RedisOptions {
  readonly redis: NonNullable<EngineOptions['redis']>
  readonly keyPrefix: string
  readonly hasSecret: boolean
  /** For each step. */
  readonly stepMs: number
}

/** Reachable, of which version, by which clock, with which rights and memory policy. It only writes keys of its own. */
export async function checkRedis ({ redis, keyPrefix, hasSecret, stepMs }: RedisOptions): Promise<Finding[]> {
  const { client, own, subscriber } = connectRedis(redis, silent)
  let messages: RedisClientLike | undefined
  try {
    const problem = await connected(client, stepMs)
    if (problem !== null) return [problem]
    const call = (...command: readonly [string, ...(string | number)[]]): Promise<unknown> => (
      within(stepMs, (client as unknown as Caller).call(...command)))
    messages = subscriber()
    return [
      ...await serverFindings(call),
      ...await clockFindings(call),
      ...await rightFindings(call, messages, keyPrefix, stepMs),
      ...hasSecret
        ? []
        : [report('warning', 'allow(), invalidate() and deny() are not signed: whoever writes to this Redis can let ' +
          'an address pass', 'set cache.keySecret to the same secret, of at least 16 characters, in every process')]
    ]
  } finally {
    messages?.disconnect()
    if (own) client.disconnect()
  }
}

interface Caller { call (...command: readonly (string | number)[]): Promise<unknown> }

async function connected (client: RedisClientLike, ms: number): Promise<Finding | null> {
  if (client.status === 'ready') return null
  try {
    await within(ms, new Promise<void>((resolve, reject) => {
      client.on('ready', resolve)
      client.on('error', reject)
      if (client.status === 'wait') client.connect().catch(reject)
    }))
    return null
  } catch (error) {
    return connectionFinding(error)
  }
}

function connectionFinding (error: unknown): Finding {
  const message = messageOf(error)
  if (/WRONGPASS|NOAUTH|invalid password|ERR AUTH/.test(message)) {
    return report('error', `Redis does not accept the user or the password: ${message}`,
      'check both; special characters of a password are percent-encoded in a URL')
  }
  if (error instanceof TooLate) {
    return report('error', 'Redis accepts no connection, or does not answer on it', 'see whether it is running and ' +
      'not frozen, whether host and port are right, and whether it expects TLS (rediss://)')
  }
  return report('error', `Redis cannot be reached: ${message}`, 'start it, or correct host and port of the option ' +
    '"redis"; without Redis, every process asks the provider for itself')
}

/** Version, role and memory, as INFO has them. */
async function serverFindings (call: Call): Promise<Finding[]> {
  let info: string
  try {
    info = String(await call('INFO'))
  } catch (error) {
    if (error instanceof TooLate) throw error
    return [report('warning', `the version is not known: ${messageOf(error)}`, `allow INFO: ${aclDocs}`)]
  }
  const field = (name: string): string | undefined => new RegExp(`^${name}:(.*?)\\r?$`, 'm').exec(info)?.[1]
  const version = field('redis_version') ?? 'unknown'
  const findings = [Number(version.split('.')[0]) < 6
    ? report('error', `Redis ${version} is too old`, 'use Redis 6 or later')
    : report('ok', `Redis ${version} answers`)]
  if (field('role') === 'slave') {
    findings.push(report('error', 'this is a replica, which takes no writes', 'give the address of the primary, or ' +
      '"sentinels" and "name"'))
  }
  const policy = field('maxmemory_policy')
  const isBounded = Number(field('maxmemory') ?? 0) > 0
  if (policy !== undefined) findings.push(memoryFinding(policy, isBounded))
  return findings
}

function memoryFinding (policy: string, isBounded: boolean): Finding {
  if (policy === 'noeviction' || policy === 'volatile-ttl') {
    return isBounded && policy === 'noeviction'
      ? report('warning', 'maxmemory-policy is noeviction: when Redis is full, nothing is stored, and each process ' +
        'asks the provider for itself', 'set maxmemory-policy volatile-ttl, which drops what would end soonest')
      : report('ok', `maxmemory-policy is ${policy}`)
  }
  const when = isBounded ? 'when Redis is full' : 'as soon as maxmemory is set'
  return report('warning', `maxmemory-policy is ${policy}: ${when}, it may drop allow(), the counts of the quota ` +
    'and what is known of accounts, however fresh they are',
  'set maxmemory-policy volatile-ttl, or use a Redis of its own')
}

async function clockFindings (call: Call): Promise<Finding[]> {
  let time: unknown
  const startedMs = Date.now()
  try {
    time = await call('TIME')
  } catch (error) {
    if (error instanceof TooLate) throw error
    return [report('error', `the clock cannot be read: ${messageOf(error)}`, `allow TIME: ${aclDocs}`)]
  }
  const endedMs = Date.now()
  const [seconds, micros] = time as [string, string]
  const redisMs = Number(seconds) * 1000 + Number(micros) / 1000
  // Somewhere between question and answer: only what lies outside is a difference.
  const offMs = Math.round(redisMs < startedMs ? redisMs - startedMs : Math.max(0, redisMs - endedMs))
  return [Math.abs(offMs) < CLOCK_MS
    ? report('ok', 'its clock agrees with the one here')
    : report('warning', `its clock is ${Math.abs(offMs) / 1000} s ${offMs > 0 ? 'ahead of' : 'behind'} the one ` +
      'here: what allow() says may be ignored or last too long', 'synchronize both by NTP')]
}

async function rightFindings (
  call: Call, messages: RedisClientLike, keyPrefix: string, stepMs: number
): Promise<Finding[]> {
  const missing = await missingRights(call, {
    messages, keyPrefix, stepMs, tag: randomBytes(8).toString('hex')
  })
  if (missing.length === 0) return [report('ok', 'its user may do all that the plugin does')]
  return [report('error', `its user may not do all that the plugin does: ${missing.join(', ')}`,
    `give it the rights of the documentation: ${aclDocs}`)]
}

/** One command, within its time. */
type Call = (...command: readonly [string, ...(string | number)[]]) => Promise<unknown>

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

interface RightOptions {
  readonly messages: RedisClientLike
  readonly keyPrefix: string
  readonly stepMs: number
  /** Part of the names of our keys, so that nobody else has them. */
  readonly tag: string
}

/** What the user may not do, in words. Leaves nothing behind. */
async function missingRights (call: Call, options: RightOptions): Promise<string[]> {
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
