import type { AccountId, FamiliarityOptions } from '../../types/contract.ts'
import { badOption } from '../errors.ts'
import {
  checkFunction, failureState, type FailureState, func, int, readObject, type Specification
} from '../util/index.ts'

/** A checked `familiarity` option. */
export interface FamiliaritySettings {
  readonly account: (request: never) => AccountId | Promise<AccountId>
  readonly device: ((request: never) => string | null | undefined) | undefined
  readonly rememberMs: number
  readonly maxNetworks: number
  /** Whether one of the functions fails. */
  readonly failing: FailureState
}

const DAY_MS = 86_400_000

const specification = {
  account (path, given) {
    if (given === undefined) throw badOption(path, 'is missing: give a function (request) => id or null')
    return checkFunction(path, given as FamiliaritySettings['account'])!
  },
  device: func<NonNullable<FamiliaritySettings['device']>>(),
  rememberDays: int(1, 365, 90),
  maxNetworks: int(1, 50, 20)
} satisfies Specification<FamiliarityOptions<never>>

/** Throws an `IpRiskError` that names the option. */
export function readFamiliarity (path: string, given: unknown): FamiliaritySettings | undefined {
  if (given === undefined) return undefined
  const { rememberDays, ...settings } = readObject(path, given, specification)
  return { ...settings, rememberMs: rememberDays * DAY_MS, failing: failureState() }
}
