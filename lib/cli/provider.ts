import type { IpRiskLogger, Provider } from '../../types/contract.ts'
import { getipintel } from '../providers/getipintel.ts'
import { iplogs } from '../providers/iplogs.ts'
import { mmdb } from '../providers/mmdb.ts'
import { type Io, UsageError } from './command.ts'
import { listsForOnce } from './networks.ts'

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
