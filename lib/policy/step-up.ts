import type { StepUp } from '../../types/contract.ts'
import { badOption } from '../errors.ts'
import {
  checkFunction, checkNumber, checkObject, checkString, checkStrings, type FailureState, failureState, shown
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

/** Throws an `IpRiskError` naming the option; undefined stays undefined. */
export function readStepUp<Request> (
  path: string, option: StepUp<never> | undefined
): StepUpSettings<Request> | undefined {
  if (option === undefined) return undefined
  checkObject<StepUp<never>>(path, option, ['isSatisfied', 'scheme', 'acrValues', 'maxAgeSeconds', 'realm'])
  if (option.isSatisfied === undefined) {
    throw badOption(`${path}.isSatisfied`, 'is missing: give a function (request) => boolean')
  }
  checkFunction(`${path}.isSatisfied`, option.isSatisfied)
  const scheme = checkString(`${path}.scheme`, option.scheme, 'Bearer')
  if (!TOKEN.test(scheme)) {
    throw badOption(`${path}.scheme`, `must be one HTTP token such as "Bearer", got ${shown(scheme)}`)
  }
  const realm = checkString(`${path}.realm`, option.realm, undefined)
  if (realm !== undefined && !REALM.test(realm)) throw badOption(`${path}.realm`, 'must be printable ASCII')
  const acrValues = checkStrings(`${path}.acrValues`, option.acrValues)
  acrValues.forEach((value, i) => {
    if (!ACR_VALUE.test(value)) {
      throw badOption(`${path}.acrValues[${i}]`, 'must be printable ASCII without spaces, quotes and backslashes')
    }
  })
  const range = { min: 0, max: 2 ** 31 - 1 }
  const maxAgeSeconds = checkNumber(`${path}.maxAgeSeconds`, option.maxAgeSeconds, undefined, range)
  const isSatisfied = option.isSatisfied as unknown as StepUpSettings<Request>['isSatisfied']
  return { isSatisfied, challenge: challenge(scheme, realm, acrValues, maxAgeSeconds), failing: failureState() }
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
