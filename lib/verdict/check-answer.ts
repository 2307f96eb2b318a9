import type { Provider, ProviderAnswer } from '../../types/contract.ts'
import { HIDDEN, redactAddress, redactStrings } from '../ip/index.ts'
import { categoryNames } from './categories.ts'
import { verdictNames } from './iplogs-body.ts'
import { isObject } from './read.ts'
import { providerReasons } from './reasons.ts'
import { unknownAnswer } from './verdict.ts'

type Check = (value: unknown) => boolean

const reasons: ReadonlySet<unknown> = new Set(providerReasons)

const isFraction: Check = value => value === null || (typeof value === 'number' && value >= 0 && value <= 1)
const isText: Check = value => typeof value === 'string'
const isPlain: Check = value => isText(value) || typeof value === 'boolean' || Number.isFinite(value)
const areAll = (check: Check): Check => value => Array.isArray(value) && value.every(check)
const optional = (check: Check): Check => value => value === undefined || check(value)

const areSignals = areAll(signal => isObject(signal) && isText(signal['type']) && isText(signal['detail']) &&
  Number.isFinite(signal['weight']))
const areCategories = areAll(category => (categoryNames as readonly unknown[]).includes(category))
const isInfo: Check = info => isObject(info) &&
  Object.values(info).every(optional(value => isPlain(value) || areAll(isText)(value)))

const checks: Readonly<Record<string, Check>> = {
  verdict: verdict => (verdictNames as readonly unknown[]).includes(verdict),
  score: isFraction,
  confidence: isFraction,
  isVpn: value => typeof value === 'boolean',
  signals: areSignals,
  info: isInfo,
  categories: areCategories,
  provider: optional(isText),
  requestId: optional(isText)
}
const unknownChecks: Readonly<Record<string, Check>> = {
  reason: reason => reasons.has(reason),
  signals: optional(areSignals),
  info: optional(isInfo),
  categories: optional(areCategories)
}

/** Providers are written by others: what does not have the shape of an answer must not be cached as one. */
function checkAnswer (answer: unknown): ProviderAnswer {
  if (!isObject(answer)) return unknownAnswer('bad_response', 'the provider answered nothing')
  const fields = answer['verdict'] === 'unknown' ? unknownChecks : checks
  for (const name in fields) {
    if (!fields[name]!(answer[name])) {
      return unknownAnswer('bad_response', `"${name}" of the provider's answer is missing or wrong`)
    }
  }
  return answer as unknown as ProviderAnswer
}

const validated = new WeakSet<Provider>()

/**
 * Marks a provider that validates every field of its answers itself, so that they are not checked twice. A copy
 * (`{ ...provider }`) is not marked: an application may have replaced its `lookup`.
 */
export function validatesAnswers<P extends Provider> (provider: P): P {
  validated.add(provider)
  return provider
}

/** The one check of a provider's answers: none where the provider validates them itself. */
export function answerCheck (provider: Provider): (answer: ProviderAnswer) => ProviderAnswer {
  return validated.has(provider) ? answer => answer : checkAnswer
}

/** What may be logged of a failure: its kind. A message may quote a URL with a key in it. */
export function kindOf (error: unknown): string {
  if (!(error instanceof Error)) return 'not an error'
  const { code } = error as { code?: unknown }
  return typeof code === 'string' ? `${error.name} ${code}` : error.name
}

/** Removes the address from the texts that are logged: a provider of an application's own may repeat it there. */
export function withoutAddress (answer: ProviderAnswer, ip: string): ProviderAnswer {
  if (answer.verdict !== 'unknown' || (typeof answer.cause !== 'string' && answer.alert === undefined)) return answer
  const { cause, alert } = answer
  const texts = { ...typeof cause === 'string' && { cause }, ...alert !== undefined && { alert } }
  return { ...answer, ...redactStrings(texts, redactAddress(ip, HIDDEN)) }
}

/** Only text of a bounded length: a provider may give anything as the cause. */
export function causeText (cause: unknown): string | undefined {
  return typeof cause === 'string' ? cause.slice(0, 200) : cause === undefined ? undefined : kindOf(cause)
}
