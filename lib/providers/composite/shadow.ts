import { LRUCache } from 'lru-cache'
import type {
  CompositeContext, CompositeProvider, Provider, ProviderAnswer, ShadowStats
} from '../../../types/contract.ts'
import { badOption } from '../../errors.ts'
import { int, readObject, real, type Specification } from '../../util/index.ts'
import { answerNames, validatesAnswers } from '../../verdict/index.ts'
import { checkMembers, cost, named, timeoutOf } from './fallback.ts'

/** The options of `shadow`. */
export interface ShadowOptions {
  /** The part of the addresses for which the candidate is asked, 0 to 1. Default 1. */
  readonly share?: number | undefined
  /**
   * Most calls of the candidate in one day (UTC), in each process. Its own `limits` hold for the fleet. Default 1 000.
   */
  readonly perDay?: number | undefined
  /**
   * Most money that the candidate may cost in one day (UTC), by its `costPerCall`: a budget of its own, so that it
   * takes nothing from the primary provider or from a composite around. Default: no limit.
   */
  readonly maxCostPerDay?: number | undefined
}

/** Each address is compared once in this time. */
const onceMs = 3_600_000
const dayMs = 86_400_000

const specification = {
  share: real(0, 1, 1),
  perDay: int(1, 1_000_000_000, 1_000),
  maxCostPerDay: cost
} satisfies Specification<ShadowOptions>

/**
 * Answers as the primary provider does, and asks the candidate beside it, to compare them on real traffic. The
 * candidate never delays an answer and never decides; `stats().composites[name].shadow` has agreement, errors, latency
 * and cost.
 *
 * @example
 * shadow(lists(), proxycheck({ key }), { share: 0.1, perDay: 200 })
 */
export function shadow (primary: Provider, candidate: Provider, options: ShadowOptions = {}): CompositeProvider {
  const members = [primary, candidate]
  checkMembers('shadow', members)
  if (primary === candidate) throw badOption('shadow', 'compares two providers, got one and the same')
  const { share, perDay, maxCostPerDay } = readObject('shadow', options, specification)
  const comparison = createComparison()
  const seen = new LRUCache<string, true>({ max: 10_000, ttl: onceMs })
  let today = { day: -1, calls: 0 }

  /** Whether this address is one of the share, and today's calls are not used up. */
  function isSampled (ip: string): boolean {
    if (seen.has(ip)) return false
    seen.set(ip, true)
    if (Math.random() >= share) return false
    const day = Math.floor(Date.now() / dayMs)
    if (today.day !== day) today = { day, calls: 0 }
    return today.calls++ < perDay
  }

  /** Not awaited, and never rejects. As a read: the part of the quota that is kept for writes is not used. */
  async function compare (first: ProviderAnswer, ip: string, context: CompositeContext): Promise<void> {
    const startedMs = performance.now()
    const second = await context.ask(candidate, ip, { background: true })
    comparison.add(first, second, performance.now() - startedMs)
  }

  function answered (answer: ProviderAnswer, ip: string, context: CompositeContext): ProviderAnswer {
    if (isSampled(ip)) compare(answer, ip, context)
    return answer.verdict === 'unknown' ? answer : named(answer, primary)
  }

  return validatesAnswers({
    name: `shadow(${primary.name},${candidate.name})`,
    names: answerNames(primary),
    members,
    sync: primary.sync === true,
    timeoutMs: timeoutOf(primary),
    candidate,
    reserveForWrites: 0, // a candidate is only asked beside a lookup, as a read
    ...maxCostPerDay !== undefined && { maxCostPerDay },
    lookup (ip, context) {
      const answer = context.ask(primary, ip)
      return answer instanceof Promise
        ? answer.then(answer => answered(answer, ip, context))
        : answered(answer, ip, context)
    },
    async * bulk (ips, context) { yield * context.askAll(primary, ips) },
    stats: costOf => ({ shadow: { ...comparison.stats(), cost: costOf(candidate) } })
  } satisfies CompositeProvider)
}

type Counts = { [name: string]: number }

interface Comparison {
  add (first: ProviderAnswer, second: ProviderAnswer, tookMs: number): void
  stats (): Omit<ShadowStats, 'cost'>
}

function createComparison (): Comparison {
  const counts = { asked: 0, agreed: 0, disagreed: 0, onlyPrimary: 0, onlyCandidate: 0 }
  const errors: Counts = {}
  const verdicts: Counts = {}
  const categories: Counts = {}
  const latencyMs = { count: 0, sum: 0, max: 0 }
  const count = (counts: Counts, name: string): void => { counts[name] = (counts[name] ?? 0) + 1 }

  function compareKnown (first: ProviderAnswer, second: ProviderAnswer): void {
    if (first.verdict === 'unknown' || second.verdict === 'unknown') {
      if (first.verdict !== 'unknown') counts.onlyPrimary++
      else if (second.verdict !== 'unknown') counts.onlyCandidate++
      return
    }
    if (first.verdict === second.verdict) counts.agreed++
    else {
      counts.disagreed++
      count(verdicts, `${first.verdict}_to_${second.verdict}`)
    }
    for (const name of new Set([...first.categories, ...second.categories])) {
      if (first.categories.includes(name) !== second.categories.includes(name)) count(categories, name)
    }
  }

  return {
    add (first, second, tookMs) {
      counts.asked++
      if (second.verdict === 'unknown' && second.reason !== 'no_data') return count(errors, second.reason)
      latencyMs.count++
      latencyMs.sum += tookMs
      latencyMs.max = Math.max(latencyMs.max, tookMs)
      compareKnown(first, second)
    },
    stats: () => ({
      ...counts,
      errors: { ...errors },
      verdicts: { ...verdicts },
      categories: { ...categories },
      latencyMs: { ...latencyMs }
    })
  }
}
