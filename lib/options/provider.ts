import type { CompositeProvider, Provider, SettlingProvider } from '../../types/contract.ts'
import { badOption } from '../errors.ts'
import { readLimits } from '../rate-limit/index.ts'
import { checkString, checkStrings, flag, func, int, real, shown, type Specification, text } from '../util/index.ts'

const specification = {
  lookup: func(),
  prepare: func(),
  bulk: func(),
  close: func(),
  families (path, given) {
    if (given === undefined || (Array.isArray(given) && given.every(family => family === 4 || family === 6))) return
    throw badOption(path, 'must be an array of 4 and 6')
  },
  limits: readLimits,
  timeoutMs: int(1, 600_000, undefined),
  maxAgeSeconds: real(1, 31_536_000, undefined),
  settlesAfterMs: int(1, 60_000, undefined),
  maxConcurrent: int(1, 1_000_000, undefined),
  reserveForWrites: real(0, 1, undefined),
  costPerCall: real(0, 1_000_000, undefined),
  maxCostPerDay: real(0, 1_000_000_000, undefined),
  dataBuiltAtMs: real(0, 8.64e15, undefined),
  dataIsLoading: flag(false),
  dataIsMissing: flag(false),
  dataOldAfterSeconds: int(1, 3_153_600_000, undefined),
  origin (path, given) {
    const origin = checkString(path, given, undefined)
    if (origin === undefined) return
    // What is more than an origin may hold a key, and would be exported.
    if (!/^https?:\/\/[^/?#@\s]+\/?$/.test(origin)) {
      throw badOption(path, 'must be scheme, host and port alone, such as "https://api.example.com"')
    }
    if (!URL.canParse(origin)) throw badOption(path, 'must be a URL')
  },
  quotaName: text(undefined),
  sync: flag(false),
  names: checkStrings
} satisfies Partial<Specification<Provider & SettlingProvider & CompositeProvider>>

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
  for (const [name, reader] of Object.entries(specification)) {
    reader(`${path}.${name}`, provider[name as keyof typeof specification])
  }
  if (provider.members !== undefined && !Array.isArray(provider.members)) {
    throw badOption(`${path}.members`, 'must be an array of providers')
  }
  if (provider.candidate !== undefined && provider.members?.includes(provider.candidate) !== true) {
    throw badOption(`${path}.candidate`, 'must be one of "members"')
  }
  provider.members?.forEach((member, i) => checkProvider(`${path}.members[${i}]`, member))
  return provider
}
