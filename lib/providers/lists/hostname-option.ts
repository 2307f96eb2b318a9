import type { IpRiskLogger } from '../../../types/contract.ts'
import { hostnameKind, type HostnameKind } from '../../lists/index.ts'
import { checkFunction, failureState, isThenable } from '../../util/index.ts'

/** `hostnameOf` as it is called for a lookup: it never throws. Undefined: no name, or one that says nothing. */
export type HostnameOf = (ip: string, log: IpRiskLogger) => HostnameKind | undefined

/** Throws an `IpRiskError` that names the option. */
export function readHostnameOf (path: string, given: unknown): HostnameOf | undefined {
  const hostnameOf = checkFunction(path, given as ((ip: string) => unknown) | undefined)
  if (hostnameOf === undefined) return undefined
  const failing = failureState()
  const failed = (log: IpRiskLogger, fields: object, what: string): undefined => {
    if (!failing.failed()) return
    log.warn({ code: 'IP_RISK_HOSTNAME_FAILED', ...fields }, `ip-risk: the option "lists.hostnameOf" ${what}, so ` +
      'names are not used: let it return a text or undefined at once')
  }
  return (ip, log) => {
    let name: unknown
    try {
      name = hostnameOf(ip)
    } catch (err) {
      return failed(log, { err }, 'threw')
    }
    if (isThenable(name)) name.then(undefined, () => {}) // its rejection must not end the process
    if (name !== undefined && typeof name !== 'string') return failed(log, {}, 'returned no text')
    failing.recovered()
    return name === undefined ? undefined : hostnameKind(name)
  }
}
