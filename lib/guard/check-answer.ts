import type { ProviderAnswer, UnknownReason } from '../../types/contract.ts'
import { unknownAnswer } from '../verdict/answers.ts'
import { verdictNames } from '../verdict/iplogs-body.ts'
import { categoryNames } from '../verdict/iplogs-categories.ts'
import { isObject, type Json } from '../verdict/read.ts'

type Check = (value: unknown) => boolean

/** What a provider can know of itself. The others are said by who did not ask it: a list of the operator, a route, an address. */
const reasons: ReadonlySet<unknown> = new Set([
  'timeout', 'unavailable', 'overloaded', 'rate_limited', 'quota_exhausted', 'rejected', 'bad_response', 'no_data', 'not_public', 'no_ip',
  'unsupported_family'
] satisfies UnknownReason[])

const isFraction: Check = value => value === null || (typeof value === 'number' && value >= 0 && value <= 1)
const isText: Check = value => typeof value === 'string'
const isPlain: Check = value => isText(value) || typeof value === 'boolean' || Number.isFinite(value)
const areAll = (check: Check): Check => value => Array.isArray(value) && value.every(check)
const optional = (check: Check): Check => value => value === undefined || check(value)

const areSignals = areAll(signal => isObject(signal) && isText(signal['type']) && isText(signal['detail']) && Number.isFinite(signal['weight']))
const areCategories = areAll(category => (categoryNames as readonly unknown[]).includes(category))
const isInfo: Check = info => isObject(info) && Object.values(info).every(optional(value => isPlain(value) || areAll(isText)(value)))

/** Providers are written by others: what does not have the shape of an answer must not be cached as one. */
export function checkAnswer (answer: unknown): ProviderAnswer {
  if (!isObject(answer)) return unknownAnswer('bad_response', 'the provider answered nothing')
  const right = answer['verdict'] === 'unknown' ? isUnknown(answer) : isKnown(answer)
  return right ? answer as unknown as ProviderAnswer : unknownAnswer('bad_response', 'the provider\'s answer lacks fields, or has wrong ones')
}

function isKnown (answer: Json): boolean {
  const { verdict, score, confidence, isVpn, signals, info, categories, provider, requestId } = answer
  return (verdictNames as readonly unknown[]).includes(verdict) && isFraction(score) && isFraction(confidence) && typeof isVpn === 'boolean' &&
    areSignals(signals) && isInfo(info) && areCategories(categories) && optional(isText)(provider) && optional(isText)(requestId)
}

function isUnknown ({ reason, signals, info, categories }: Json): boolean {
  return reasons.has(reason) && optional(areSignals)(signals) && optional(isInfo)(info) && optional(areCategories)(categories)
}

/** What may be said of a failure: its kind. A message may quote an URL with a key in it. */
export function kindOf (error: unknown): string {
  if (!(error instanceof Error)) return 'not an error'
  const { code } = error as { code?: unknown }
  return typeof code === 'string' ? `${error.name} ${code}` : error.name
}
