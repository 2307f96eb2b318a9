import type { CompositeProvider, SettlingProvider } from '../../types/contract.ts'
import type { Provider } from '../../types/contract.ts'
import { badOption } from '../errors.ts'
import {
  checkBoolean, checkFunction, checkNumber, checkObject, checkString, checkStrings, shown
} from '../util/index.ts'

/** A provider as an option: an own one may lack what ours have. */
export function checkProvider (path: string, given: unknown): Provider {
  if (Array.isArray(given)) {
    throw badOption(path, 'must be one provider, got an array: use fallback(a, b) or consensus([a, b])')
  }
  if (typeof given !== 'object' || given === null) {
    throw badOption(path, `must be a provider such as lists() or iplogs(), got ${shown(given)}`)
  }
  const provider = given as Provider & Partial<SettlingProvider> &
    Partial<Pick<CompositeProvider, 'members' | 'candidate' | 'names' | 'maxCostPerDay'>>
  if (typeof provider.name !== 'string' || provider.name === '') {
    throw badOption(`${path}.name`, 'must be a non-empty string: it is part of each cache entry')
  }
  if (provider.lookup === undefined) {
    throw badOption(`${path}.lookup`, 'is missing: give a function (ip, context) => answer')
  }
  checkFunction(`${path}.lookup`, provider.lookup)
  checkFunction(`${path}.prepare`, provider.prepare)
  checkFunction(`${path}.bulk`, provider.bulk)
  checkFunction(`${path}.close`, provider.close)
  const { families } = provider
  if (families !== undefined && !(Array.isArray(families) && families.every(family => family === 4 || family === 6))) {
    throw badOption(`${path}.families`, 'must be an array of 4 and 6')
  }
  const limits = checkObject<NonNullable<Provider['limits']>>(`${path}.limits`, provider.limits,
    ['perMinute', 'perDay', 'perCalendarDay', 'perMonth', 'timeZone', 'burst'])
  for (const name of ['perMinute', 'perDay', 'perCalendarDay', 'perMonth', 'burst'] as const) {
    checkNumber(`${path}.limits.${name}`, limits[name], undefined, { min: 1, max: 1e9 })
  }
  checkNumber(`${path}.timeoutMs`, provider.timeoutMs, undefined, { min: 1, max: 600_000 })
  checkNumber(`${path}.maxAgeSeconds`, provider.maxAgeSeconds, undefined, { min: 1, max: 31_536_000, integer: false })
  checkNumber(`${path}.settlesAfterMs`, provider.settlesAfterMs, undefined, { min: 1, max: 60_000 })
  checkNumber(`${path}.maxConcurrent`, provider.maxConcurrent, undefined, { min: 1, max: 1_000_000 })
  checkNumber(`${path}.reserveForWrites`, provider.reserveForWrites, undefined, { min: 0, max: 1, integer: false })
  checkNumber(`${path}.costPerCall`, provider.costPerCall, undefined, { min: 0, max: 1e6, integer: false })
  checkNumber(`${path}.maxCostPerDay`, provider.maxCostPerDay, undefined, { min: 0, max: 1e9, integer: false })
  checkNumber(`${path}.dataBuiltAtMs`, provider.dataBuiltAtMs, undefined, { min: 0, max: 8.64e15, integer: false })
  checkBoolean(`${path}.dataIsLoading`, provider.dataIsLoading, false)
  checkNumber(`${path}.dataOldAfterSeconds`, provider.dataOldAfterSeconds, undefined, { min: 1, max: 3_153_600_000 })
  const origin = checkString(`${path}.origin`, provider.origin, undefined)
  // What is more than an origin may hold a key, and would be exported.
  if (origin !== undefined && !/^https?:\/\/[^/?#@\s]+\/?$/.test(origin)) {
    throw badOption(`${path}.origin`, 'must be scheme, host and port alone, such as "https://api.example.com"')
  }
  if (origin !== undefined && !URL.canParse(origin)) throw badOption(`${path}.origin`, 'must be a URL')
  checkString(`${path}.quotaName`, provider.quotaName, undefined)
  checkBoolean(`${path}.sync`, provider.sync, false)
  checkStrings(`${path}.names`, provider.names)
  if (provider.members !== undefined && !Array.isArray(provider.members)) {
    throw badOption(`${path}.members`, 'must be an array of providers')
  }
  if (provider.candidate !== undefined && provider.members?.includes(provider.candidate) !== true) {
    throw badOption(`${path}.candidate`, 'must be one of "members"')
  }
  provider.members?.forEach((member, i) => checkProvider(`${path}.members[${i}]`, member))
  return provider
}
