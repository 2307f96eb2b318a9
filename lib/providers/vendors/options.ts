import { checkObject } from '../../util/index.ts'
import { badOption } from '../../errors.ts'
import { checkSecret, remoteOptionNames, type RemoteOptions } from '../http/index.ts'

/** Options without the ones that are `undefined`: spread over defaults, those would replace them. */
type Given<T> = { [K in keyof T]: Exclude<T[K], undefined> }

/** The options of a vendor, with none but its own names and those of every remote provider. */
export function readVendorOptions<T extends RemoteOptions> (
  path: string, options: T, names: readonly (keyof T & string)[]
): Given<T> {
  const given = checkObject<T>(path, options, [...remoteOptionNames, ...names])
  const { key } = given as { key?: unknown }
  if (key !== undefined) checkSecret(`${path}.key`, key)
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)) as Given<T>
}

/** A key that the vendor does not answer without. */
export function requireKey (path: string, key: unknown, where: string): void {
  if (key === undefined) throw badOption(path, `is missing: ${where}`)
  checkSecret(path, key)
}
