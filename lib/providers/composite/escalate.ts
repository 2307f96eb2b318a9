import { LRUCache } from 'lru-cache'
import type {
  Category, CompositeContext, CompositeProvider, KnownAnswer, Provider, ProviderAnswer, VerdictName
} from '../../../types/contract.ts'
import { badOption } from '../../errors.ts'
import {
  checkNumber, checkObject, checkStrings, flag, int, readObject, shown, type Specification
} from '../../util/index.ts'
import { answerNames, categoryNames, validatesAnswers, verdictNames } from '../../verdict/index.ts'
import { checkMembers, cost, named, namesOf, timeoutOf } from './fallback.ts'

/** Which answers of the cheap provider are in the grey zone. An answer that meets one of these conditions is. */
export interface EscalationRule {
  /** Default `['suspicious', 'vpn_likely']`, unless `scoreBetween` or `categories` is given. */
  readonly verdicts?: readonly (VerdictName | 'unknown')[] | undefined
  /** Scores from the first to the second, 0 to 1. */
  readonly scoreBetween?: readonly [number, number] | undefined
  /** Any of these categories in the cheap provider's answer. Default: no condition. */
  readonly categories?: readonly Category[] | undefined
}

/** The options of `escalate`. */
export interface EscalateOptions {
  /** The grey zone. Default: the verdicts `suspicious` and `vpn_likely`. */
  readonly when?: EscalationRule | undefined
  /** Ask the expensive provider only while a write waits for the answer. Default false. */
  readonly writesOnly?: boolean | undefined
  /**
   * Milliseconds after which the cheap answer is used, counted from the beginning of the lookup: 1 to 120 000. The
   * expensive provider has at least 1 000 of them. Default 4 500: the most that leaves a request time for the answer.
   */
  readonly attemptTimeoutMs?: number | undefined
  /** Most money that the members may cost in one day (UTC), by their `costPerCall`. Default: no limit. */
  readonly maxCostPerDay?: number | undefined
}

/** For so long the expensive provider is not asked again about an address that it does not know. */
const unansweredMs = 300_000
/** The expensive provider has this time at least, also after a slow cheap one: its answer is cached. */
const leastMs = 1_000

const specification = {
  when: readRule,
  writesOnly: flag(false),
  attemptTimeoutMs: int(1, 120_000, 4_500),
  maxCostPerDay: cost
} satisfies Specification<EscalateOptions>

/**
 * Asks the cheap provider, and the expensive one for the grey zone only. The answer is the expensive one's where it
 * has one, with a signal `escalated`. A write does not accept a cached answer of the grey zone that was not escalated:
 * it looks the address up again. Answers are cached even when the cheap provider is `sync`.
 *
 * @example
 * escalate(lists(), ipqualityscore({ key }), { when: { verdicts: ['suspicious', 'vpn_likely'] }, writesOnly: true })
 */
export function escalate (cheap: Provider, expensive: Provider, options: EscalateOptions = {}): CompositeProvider {
  const members = [cheap, expensive]
  checkMembers('escalate', members)
  const {
    when: qualifies, writesOnly, attemptTimeoutMs: bothMs, maxCostPerDay
  } = readObject('escalate', options, specification)
  const name = `escalate(${cheap.name},${expensive.name})`
  /** The names of answers without an escalation. Those under the composite's own name had one, without an answer. */
  const cheapNames = new Set(answerNames(cheap))
  const unanswered = new LRUCache<string, true>({ max: 10_000, ttl: unansweredMs })
  const counts = { lookups: 0, escalated: 0, changed: 0, unanswered: 0 }

  function escalated (first: ProviderAnswer, second: ProviderAnswer, ip: string): ProviderAnswer {
    if (second.verdict === 'unknown') {
      counts.unanswered++
      const isFinal = second.reason === 'no_data' || second.reason === 'unsupported_family'
      if (isFinal) unanswered.set(ip, true)
      if (first.verdict === 'unknown') return { ...first, cause: `${first.reason}, ${expensive.name} ${second.reason}` }
      // The name says whether the escalation has to be tried again.
      return isFinal ? { ...first, provider: name } : named(first, cheap)
    }
    if (second.verdict !== first.verdict) counts.changed++
    return { ...named(second, expensive), signals: [escalation(first), ...second.signals] }
  }

  const isOwnSignal = ({ type, detail }: KnownAnswer['signals'][number]): boolean =>
    type === 'escalated' && detail.startsWith(`${cheap.name} `)

  function escalation (first: ProviderAnswer): KnownAnswer['signals'][number] {
    return { type: 'escalated', weight: 0, detail: `${cheap.name} ${first.verdict}` }
  }

  async function lookup (ip: string, context: CompositeContext): Promise<ProviderAnswer> {
    const startedMs = performance.now()
    const first = await context.ask(cheap, ip)
    counts.lookups++
    const asCheap = first.verdict === 'unknown' ? first : named(first, cheap)
    if (!qualifies(first) || (writesOnly && !context.write)) return asCheap
    if (unanswered.has(ip)) return first.verdict === 'unknown' ? first : { ...first, provider: name }
    counts.escalated++
    const timeoutMs = Math.max(Math.round(bothMs - (performance.now() - startedMs)), Math.min(leastMs, bothMs))
    return escalated(first, await context.ask(expensive, ip, { timeoutMs }), ip)
  }

  return validatesAnswers({
    name,
    names: [...namesOf(members), name],
    members,
    timeoutMs: timeoutOf(cheap) + timeoutOf(expensive),
    ...maxCostPerDay !== undefined && { maxCostPerDay },
    lookup,
    // An escalated answer may carry a name of the cheap side, where both sides have the same member. The signal of an
    // escalation inside the cheap side is another one.
    isFinalForWrite: (answer, provider) => !qualifies(answer) || (answer.verdict !== 'unknown' &&
      (!cheapNames.has(provider) || answer.signals.some(isOwnSignal))),
    stats: () => ({ escalation: { ...counts } })
  } satisfies CompositeProvider)
}

function readRule (path: string, value: unknown): (answer: ProviderAnswer) => boolean {
  const given = checkObject<EscalationRule>(path, value, ['verdicts', 'scoreBetween', 'categories'])
  const hasOther = given.scoreBetween !== undefined || given.categories !== undefined
  const verdicts = given.verdicts ?? (hasOther ? [] : ['suspicious', 'vpn_likely'])
  checkNames(`${path}.verdicts`, verdicts, [...verdictNames, 'unknown'])
  const categories = given.categories ?? []
  checkNames(`${path}.categories`, categories, categoryNames)
  const range = { min: 0, max: 1, integer: false }
  if (given.scoreBetween !== undefined && (!Array.isArray(given.scoreBetween) || given.scoreBetween.length !== 2)) {
    throw badOption(`${path}.scoreBetween`, `must be [lowest, highest], got ${shown(given.scoreBetween)}`)
  }
  const [low = 2, high = 2] = given.scoreBetween?.map((bound, i) =>
    checkNumber(`${path}.scoreBetween[${i}]`, bound, 0, range)) ?? []
  if (low > high) throw badOption(`${path}.scoreBetween`, 'must rise: [lowest, highest]')
  return answer => {
    if ((verdicts as readonly string[]).includes(answer.verdict)) return true
    if (answer.verdict === 'unknown') return false
    const { score } = answer
    const isBetween = score !== null && score >= low && score <= high
    return isBetween || answer.categories.some(name => categories.includes(name))
  }
}

function checkNames (path: string, value: readonly string[], names: readonly string[]): void {
  for (const name of checkStrings(path, value)) {
    if (!names.includes(name)) throw badOption(path, `must hold only ${names.join(', ')}, got ${shown(name)}`)
  }
}
