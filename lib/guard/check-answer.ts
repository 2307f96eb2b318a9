import type { ProviderAnswer } from '../../types/contract.ts'
import { unknownAnswer } from '../verdict/answers.ts'
import { verdictNames } from '../verdict/iplogs-body.ts'
import { isObject } from '../verdict/read.ts'

const fraction = (value: unknown): boolean => value === null || (typeof value === 'number' && value >= 0 && value <= 1)

/** Providers are written by others: what does not have the shape of an answer must not be cached as one. */
export function checkAnswer (answer: unknown): ProviderAnswer {
  if (!isObject(answer)) return unknownAnswer('bad_response', 'the provider answered nothing')
  const { verdict, reason, score, confidence, isVpn, signals, info, categories } = answer
  const right = verdict === 'unknown'
    ? typeof reason === 'string'
    : (verdictNames as readonly unknown[]).includes(verdict) && fraction(score) && fraction(confidence) && typeof isVpn === 'boolean' &&
      Array.isArray(signals) && isObject(info) && Array.isArray(categories)
  return right ? answer as unknown as ProviderAnswer : unknownAnswer('bad_response', 'the provider\'s answer lacks fields')
}

/** What may be said of a failure: its kind. A message may quote an URL with a key in it. */
export function kindOf (error: unknown): string {
  if (!(error instanceof Error)) return 'not an error'
  const { code } = error as { code?: unknown }
  return typeof code === 'string' ? `${error.name} ${code}` : error.name
}
