import { join } from 'node:path'
import type { IpRiskLogger, Provider } from '../../types/contract.ts'
import {
  type AsnPackage, asnSnapshotPath, defaultCacheFolder, findAsnPackage, findSnapshot, runCompileJob, snapshotPart
} from '../lists/index.ts'
import { getipintel } from '../providers/getipintel/index.ts'
import { iplogs } from '../providers/iplogs/index.ts'
import { providerOfParts } from '../providers/lists/index.ts'
import { mmdb } from '../providers/mmdb/index.ts'
import { type CallLogOptions, withCallLog } from './call-log.ts'
import { UsageError } from './command.ts'
import type { Io } from './io.ts'
import { replaceFile } from '../util/index.ts'

/** Options of every command that asks a provider. */
export const providerOptions = {
  provider: { value: 'NAME', help: 'lists (default), iplogs, getipintel or mmdb:PATH', env: 'IP_RISK_PROVIDER' },
  redis: { value: 'URL', help: 'the Redis that the application shares', env: 'IP_RISK_REDIS' },
  'timeout-ms': { value: 'N', integer: [1, 600_000], help: 'longest wait for one address; default 8000' },
  'per-minute': { value: 'N', integer: [1, 1_000_000], help: 'calls to iplogs, or getipintel (15)' },
  'per-day': { value: 'N', integer: [1, 100_000_000], help: 'calls to iplogs, or getipintel (500)' },
  flags: { value: 'F', oneOf: ['m', 'b', 'f'], help: 'getipintel: m, b or f' },
  oflags: { value: 'LETTERS', help: 'getipintel: some of bcair' }
} as const

/** What `providerOptions` were given. */
export interface ProviderChoice {
  readonly provider?: string | undefined
  readonly redis?: string | undefined
  readonly 'timeout-ms'?: number | undefined
  readonly 'per-minute'?: number | undefined
  readonly 'per-day'?: number | undefined
  readonly flags?: 'm' | 'b' | 'f' | undefined
  readonly oflags?: string | undefined
}

export const DEFAULT_TIMEOUT_MS = 8_000

/**
 * The embedded provider as a command needs it. A server answers `unknown` until its AS numbers are compiled in the
 * background; a command waits for them, once.
 */
function listsForOnce (io: Io): Provider {
  const cacheFolder = defaultCacheFolder(io.env)
  const asnPackage = findAsnPackage()
  const found = findSnapshot(cacheFolder, asnPackage)
  const bytes = found.bytes ?? (asnPackage && compileNetworks(asnPackage, cacheFolder, io))
  const withBytes = { ...found, ...bytes && { bytes } }
  const part = snapshotPart({ found: withBytes, cacheFolder, asnPackage, watchIntervalMs: undefined })
  return providerOfParts([part])
}

function compileNetworks (asnPackage: AsnPackage, cacheFolder: string, io: Io): Uint8Array {
  io.err(`ip-risk: compiling ${asnPackage.source}, once`)
  const nowSeconds = Math.floor(Date.now() / 1000)
  const bytes = runCompileJob({ sources: [], covers: [], builtIn: true, asnPackage, nowSeconds })
  try {
    replaceFile(asnSnapshotPath(cacheFolder), bytes)
  } catch (error) {
    const { message } = error as Error
    io.err(`ip-risk: the compiled AS numbers cannot be kept, and will be compiled again each time: ${message}`)
  }
  return bytes
}

/** The provider that the command line names. Throws `UsageError`, and `IpRiskError` where its options are wrong. */
export function chosenProvider (choice: ProviderChoice, io: Io): Provider {
  const { provider: name = 'lists', redis, flags, oflags, 'timeout-ms': timeoutMs = DEFAULT_TIMEOUT_MS } = choice
  if (name !== 'getipintel' && (flags !== undefined || oflags !== undefined)) {
    throw new UsageError('--flags and --oflags are options of getipintel')
  }
  // With Redis, the application's writes keep their part of the quota. Without it, all of the quota is for this run.
  const settings = { timeoutMs, ...redis === undefined && { reserveForWrites: 0 } }
  const perMinute = choice['per-minute']
  const perDay = choice['per-day']
  if (name === 'lists') return listsForOnce(io)
  if (name === 'iplogs') {
    const limits = { ...perMinute !== undefined && { perMinute }, ...perDay !== undefined && { perDay } }
    return iplogs({ ...settings, limits, ...baseUrl(io, 'IP_RISK_IPLOGS_URL') })
  }
  if (name === 'getipintel') {
    const contact = io.env['GETIPINTEL_CONTACT']
    if (contact === undefined || contact === '') {
      throw new UsageError('getipintel needs an e-mail address that is read: set GETIPINTEL_CONTACT')
    }
    const limits = { perMinute: perMinute ?? 15, perDay: perDay ?? 500, burst: 5 }
    const provider = getipintel({
      ...settings,
      contact,
      limits,
      ...flags !== undefined && { flags },
      ...oflags !== undefined && { oflags },
      ...baseUrl(io, 'IP_RISK_GETIPINTEL_URL')
    })
    return redis === undefined ? counted(provider, limits, io) : provider
  }
  if (name.startsWith('mmdb:') && name.length > 5) return mmdb({ path: name.slice(5), watch: false })
  throw new UsageError(`there is no provider "${name}": use lists, iplogs, getipintel or mmdb:PATH`)
}

function counted (provider: Provider, limits: CallLogOptions['limits'], io: Io): Provider {
  const path = join(defaultCacheFolder(io.env), 'getipintel.calls')
  return withCallLog(provider, {
    path,
    limits,
    onUnwritable (error) { io.err(`ip-risk: calls cannot be counted over several runs: ${error.message}`) }
  })
}

/** For a paying customer's own host, a proxy, or a test. */
function baseUrl ({ env }: Io, name: string): { readonly baseUrl?: string } {
  const url = env[name]
  return url === undefined || url === '' ? {} : { baseUrl: url }
}

/** Warnings and errors of the engine, as lines for people. */
export function stderrLog (io: Io): IpRiskLogger {
  const write = (fields: object, message = ''): void => {
    const { err } = fields as { readonly err?: unknown }
    io.err(`ip-risk: ${message.replace(/^ip-risk: /, '')}${err instanceof Error ? `: ${err.message}` : ''}`)
  }
  const ignore = (): void => {}
  return { debug: ignore, info: ignore, warn: write, error: write }
}
