import type { IpRiskLogger, Provider } from '../../types/contract.ts'
import {
  type AsnPackage, asnSnapshotPath, defaultCacheFolder, findAsnPackage, findSnapshot, runCompileJob, snapshotPart,
  writeSnapshot
} from '../lists/index.ts'
import { getipintel } from '../providers/getipintel/index.ts'
import { iplogs } from '../providers/iplogs/index.ts'
import { providerOfParts } from '../providers/lists/index.ts'
import { mmdb } from '../providers/mmdb/index.ts'
import { type Io, UsageError } from './command.ts'

/**
 * The embedded provider as a command needs it. A server answers `unknown` until its AS numbers are compiled in the background; somebody
 * who asks about one address waits for them instead, once.
 */
export function listsForOnce (io: Io): Provider {
  const cacheFolder = defaultCacheFolder(io.env)
  const asnPackage = findAsnPackage()
  const found = findSnapshot(cacheFolder, asnPackage)
  const bytes = found.bytes ?? (asnPackage && compileNetworks(asnPackage, cacheFolder, io))
  const part = snapshotPart({ found: { ...found, ...bytes && { bytes } }, cacheFolder, asnPackage, watchIntervalMs: undefined })
  return providerOfParts([part])
}

function compileNetworks (asnPackage: AsnPackage, cacheFolder: string, io: Io): Uint8Array {
  io.err(`ip-risk: compiling ${asnPackage.source}, once`)
  const bytes = runCompileJob({ sources: [], covers: [], builtIn: true, asnPackage, nowSeconds: Math.floor(Date.now() / 1000) })
  try {
    writeSnapshot(asnSnapshotPath(cacheFolder), bytes)
  } catch (error) {
    io.err(`ip-risk: the compiled AS numbers cannot be kept, and will be compiled anew each time: ${(error as Error).message}`)
  }
  return bytes
}

/** The provider of a name as the command line gives it. Throws `UsageError`, and `IpRiskError` where its options are wrong. */
export function providerOf (name: string, timeoutMs: number, io: Io): Provider {
  if (name === 'lists') return listsForOnce(io)
  if (name === 'iplogs') return iplogs({ timeoutMs, ...baseUrl(io, 'IP_RISK_IPLOGS_URL') })
  if (name === 'getipintel') {
    const contact = io.env['GETIPINTEL_CONTACT']
    if (contact === undefined || contact === '') throw new UsageError('getipintel needs an e-mail address that is read: set GETIPINTEL_CONTACT')
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

/** Warnings and errors of the engine, for people. */
export function stderrLog (io: Io): IpRiskLogger {
  const say = (heard: boolean) => (fields: object, message = ''): void => {
    const { err } = fields as { readonly err?: unknown }
    if (heard) io.err(`ip-risk: ${message.replace(/^ip-risk: /, '')}${err instanceof Error ? `: ${err.message}` : ''}`)
  }
  return { debug: say(false), info: say(false), warn: say(true), error: say(true) }
}
