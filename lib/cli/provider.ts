import type { IpRiskLogger, Provider } from '../../types/contract.ts'
import {
  type AsnPackage, asnSnapshotPath, defaultCacheFolder, findAsnPackage, findSnapshot, runCompileJob, snapshotPart,
  writeSnapshot
} from '../lists/index.ts'
import { getipintel } from '../providers/getipintel/index.ts'
import { iplogs } from '../providers/iplogs/index.ts'
import { providerOfParts } from '../providers/lists/index.ts'
import { mmdb } from '../providers/mmdb/index.ts'
import { UsageError } from './command.ts'
import type { Io } from './io.ts'

/** Options of every command that asks a provider. */
export const providerOptions = {
  provider: { value: 'NAME', help: 'lists (default), iplogs, getipintel or mmdb:PATH', env: 'IP_RISK_PROVIDER' },
  redis: { value: 'URL', help: 'the Redis that the application shares', env: 'IP_RISK_REDIS' },
  'timeout-ms': { value: 'N', integer: [1, 600_000], help: 'longest wait for one address; default 8000' }
} as const

/**
 * The embedded provider as a command needs it. A server answers `unknown` until its AS numbers are compiled in the
 * background; a command waits for them, once.
 */
export function listsForOnce (io: Io): Provider {
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
    writeSnapshot(asnSnapshotPath(cacheFolder), bytes)
  } catch (error) {
    const { message } = error as Error
    io.err(`ip-risk: the compiled AS numbers cannot be kept, and will be compiled again each time: ${message}`)
  }
  return bytes
}

/** The provider of a name on the command line. Throws `UsageError`, and `IpRiskError` where its options are wrong. */
export function providerOf (name: string, timeoutMs: number, io: Io): Provider {
  if (name === 'lists') return listsForOnce(io)
  if (name === 'iplogs') return iplogs({ timeoutMs, ...baseUrl(io, 'IP_RISK_IPLOGS_URL') })
  if (name === 'getipintel') {
    const contact = io.env['GETIPINTEL_CONTACT']
    if (contact === undefined || contact === '') {
      throw new UsageError('getipintel needs an e-mail address that is read: set GETIPINTEL_CONTACT')
    }
    return getipintel({ contact, timeoutMs, ...baseUrl(io, 'IP_RISK_GETIPINTEL_URL') })
  }
  if (name.startsWith('mmdb:') && name.length > 5) return mmdb({ path: name.slice(5), watch: false })
  throw new UsageError(`there is no provider "${name}": use lists, iplogs, getipintel or mmdb:PATH`)
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
