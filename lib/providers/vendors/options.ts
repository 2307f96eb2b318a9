import { type OptionReader, type OptionsOf, readObject, type Specification, unread } from '../../util/index.ts'
import { badOption } from '../../errors.ts'
import { checkSecret, type RemoteOptions, remoteSpecification, type Secret } from '../http/index.ts'

/** A reader for each option that a vendor has of its own. */
export type VendorSpecification<Options> = Specification<Omit<Options, keyof RemoteOptions>>

const remoteNames = Object.keys(remoteSpecification({ baseUrl: '', timeoutMs: 1, limits: {} }))
/** `namedHttpProvider` reads the options of every remote provider, over the vendor's defaults. */
const remoteUnread = Object.fromEntries(remoteNames.map(name => [name, unread]))

/** Options without the ones that are `undefined`: spread over defaults, those would replace them. */
type Given<T> = { [K in keyof T]: Exclude<T[K], undefined> }

/** A vendor's own options, and those of every remote provider that were given. */
export function readVendorOptions<S extends { readonly [name: string]: OptionReader<unknown> }> (
  path: string, options: RemoteOptions, specification: S
): OptionsOf<S> & { readonly remote: Given<RemoteOptions> } {
  const read: { readonly [name: string]: unknown } = readObject(path, options, { ...remoteUnread, ...specification })
  const remote = remoteNames.filter(name => read[name] !== undefined).map(name => [name, read[name]])
  return { ...read as OptionsOf<S>, remote: Object.fromEntries(remote) as Given<RemoteOptions> }
}

/** A key that the vendor does not answer without. `where` says where to find it. */
export function requiredKey (where: string): OptionReader<Secret> {
  return (path, given) => {
    if (given === undefined) throw badOption(path, `is missing: ${where}`)
    return checkSecret(path, given)
  }
}
