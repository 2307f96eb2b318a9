import type { AccountId, FamiliarityOptions } from '../../types/contract.ts'
import { badOption } from '../errors.ts'
import { checkFunction, checkNumber, checkObject, failureState, type FailureState } from '../util/index.ts'

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

/** Throws an `IpRiskError` that names the option. */
export function readFamiliarity (given: FamiliarityOptions<never> | undefined): FamiliaritySettings | undefined {
  if (given === undefined) return undefined
  const { account, device, rememberDays, maxNetworks } = checkObject<FamiliarityOptions<never>>(
    'familiarity', given, ['account', 'device', 'rememberDays', 'maxNetworks'])
  if (account === undefined) {
    throw badOption('familiarity.account', 'is missing: give a function (request) => id or null')
  }
  return {
    account: checkFunction('familiarity.account', account)!,
    device: checkFunction('familiarity.device', device),
    rememberMs: checkNumber('familiarity.rememberDays', rememberDays, 90, { min: 1, max: 365 }) * DAY_MS,
    maxNetworks: checkNumber('familiarity.maxNetworks', maxNetworks, 20, { min: 1, max: 50 }),
    failing: failureState()
  }
}
