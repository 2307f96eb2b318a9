import type { IpRiskEngine } from '../../../types/api.ts'
import type { IpRiskLogger, Provider } from '../../../types/contract.ts'
import { createIpRisk } from '../../frameworks/node.ts'
import { readNetwork } from '../../policy/index.ts'
import { UsageError } from '../command.ts'
import { plainText } from '../io.ts'
import { readKeySecret } from '../serve/access.ts'

/** Options of every command that talks to the fleet. */
export const fleetOptions = {
  redis: { value: 'URL', help: 'the Redis that the application shares', env: 'IP_RISK_REDIS' },
  'key-secret-file': {
    value: 'FILE', help: 'cache.keySecret, one in each line, the current one first', env: 'IP_RISK_KEY_SECRET_FILE'
  },
  'key-prefix': { value: 'TEXT', help: 'cache.keyPrefix of the application' }
} as const

export interface FleetChoice {
  readonly redis?: string | undefined
  readonly 'key-secret-file'?: string | undefined
  readonly 'key-prefix'?: string | undefined
}

/** An engine that looks up nothing: it only speaks to the other processes. */
export interface Fleet {
  readonly ipRisk: IpRiskEngine
  /** Warnings: what Redis did not take, or others wrote there. */
  readonly warnings: readonly string[]
}

const silent: Provider = { name: 'none', sync: true, lookup: () => ({ verdict: 'unknown', reason: 'no_data' }) }
const ignore = (): void => {}
const REDIS_MS = 2_000

/** Calls `use` with an engine that is connected. Throws where Redis does not answer. */
export async function withFleet<T> (choice: FleetChoice, use: (fleet: Fleet) => Promise<T>): Promise<T> {
  const { redis, 'key-prefix': keyPrefix, 'key-secret-file': file } = choice
  if (redis === undefined) throw new UsageError('which Redis? Give --redis URL or IP_RISK_REDIS')
  const keySecret = file === undefined ? undefined : readKeySecret(file)
  const warnings: string[] = []
  const warn: IpRiskLogger['warn'] = (_fields: object, message = '') => {
    warnings.push(message.replace(/^ip-risk: /, ''))
  }
  const ipRisk = createIpRisk({
    provider: silent,
    redis,
    cache: {
      redisTimeoutMs: REDIS_MS,
      ...keyPrefix !== undefined && { keyPrefix },
      ...keySecret !== undefined && { keySecret }
    },
    log: { debug: ignore, info: ignore, warn, error: warn }
  })
  try {
    await ipRisk.ready()
    await ipRisk.exceptions().catch(() => { // a command that ends cannot try again later
      throw new Error('Redis does not answer, or refuses: nothing was changed. "ip-risk doctor --redis URL" says why')
    })
    return await use({ ipRisk, warnings })
  } finally {
    await ipRisk.close()
  }
}

/** An address or a CIDR of the command line. Throws `UsageError`. */
export function networkIn (text: string): ReturnType<typeof readNetwork> {
  try {
    return readNetwork(text)
  } catch (error) {
    throw new UsageError(`${JSON.stringify(plainText(text))} is neither an IP address nor a CIDR: ` +
      (error as Error).message)
  }
}

const units = { s: 1, m: 60, h: 3_600, d: 86_400 } as const

/** `90`, `15m`, `12h` or `7d` in seconds. Throws `UsageError`. */
export function secondsOf (option: string, text: string): number {
  const [, digits, unit = 's'] = /^(\d{1,9})([smhd])?$/.exec(text) ?? []
  const seconds = Number(digits) * units[unit as keyof typeof units]
  if (!(seconds >= 1 && seconds <= 31_536_000)) {
    throw new UsageError(`${option} must be a time such as 90s, 15m, 12h or 7d, of at most 365d, got "${text}"`)
  }
  return seconds
}
