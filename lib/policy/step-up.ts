import type { StepUp } from '../../types/contract.ts'
import { badOption } from '../errors.ts'
import {
  checkFunction, checkString, checkStrings, type FailureState, failureState, int, readObject, shown, type Specification
} from '../util/index.ts'

/** A checked `stepUp` option: the check, and the value of `WWW-Authenticate`. */
export interface StepUpSettings<Request> {
  readonly isSatisfied: (request: Request) => boolean | Promise<boolean>
  readonly challenge: string
  /** Whether `isSatisfied` fails. */
  readonly failing: FailureState
}

/** RFC 9110 token characters, of which a scheme and nothing else may consist. */
const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/
/**
 * What RFC 6750 allows in a scope, and RFC 9470 in each `acr_values` entry: printable ASCII without space, quote
 * and backslash.
 */
const ACR_VALUE = /^[\x21\x23-\x5b\x5d-\x7e]+$/
/** Printable ASCII: what a quoted-string can carry everywhere. */
const REALM = /^[\x20-\x7e]*$/

const specification = {
  isSatisfied (path, given) {
    if (given === undefined) throw badOption(path, 'is missing: give a function (request) => boolean')
    return checkFunction(path, given as StepUpSettings<never>['isSatisfied'])!
  },
  scheme (path, given) {
    const scheme = checkString(path, given, 'Bearer')
    if (!TOKEN.test(scheme)) throw badOption(path, `must be one HTTP token such as "Bearer", got ${shown(scheme)}`)
    return scheme
  },
  acrValues (path, given) {
    const acrValues = checkStrings(path, given)
    acrValues.forEach((value, i) => {
      if (ACR_VALUE.test(value)) return
      throw badOption(`${path}[${i}]`, 'must be printable ASCII without spaces, quotes and backslashes')
    })
    return acrValues
  },
  maxAgeSeconds: int(0, 2 ** 31 - 1, undefined),
  realm (path, given) {
    const realm = checkString(path, given, undefined)
    if (realm !== undefined && !REALM.test(realm)) throw badOption(path, 'must be printable ASCII')
    return realm
  }
} satisfies Specification<StepUp<never>>

/** Throws an `IpRiskError` naming the option; undefined stays undefined. */
export function readStepUp (path: string, given: unknown): StepUpSettings<unknown> | undefined {
  if (given === undefined) return undefined
  const { isSatisfied, scheme, realm, acrValues, maxAgeSeconds } = readObject(path, given, specification)
  return {
    isSatisfied: isSatisfied as StepUpSettings<unknown>['isSatisfied'],
    challenge: challenge(scheme, realm, acrValues, maxAgeSeconds),
    failing: failureState()
  }
}

/** RFC 9470 section 3: the error code, then what would satisfy. */
function challenge (
  scheme: string, realm: string | undefined, acrValues: readonly string[], maxAgeSeconds: number | undefined
): string {
  const parameters = ['error="insufficient_user_authentication"', 'error_description="A stronger or more recent ' +
    'authentication is required"']
  if (realm !== undefined) parameters.unshift(`realm=${quoted(realm)}`)
  if (acrValues.length > 0) parameters.push(`acr_values=${quoted(acrValues.join(' '))}`)
  if (maxAgeSeconds !== undefined) parameters.push(`max_age="${maxAgeSeconds}"`)
  return `${scheme} ${parameters.join(', ')}`
}

function quoted (text: string): string {
  return `"${text.replace(/["\\]/g, '\\$&')}"`
}
