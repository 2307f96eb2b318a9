import type { CompositeProvider } from '../../../types/contract.ts'
import type { Category, KnownAnswer, Provider, ProviderAnswer } from '../../../types/contract.ts'
import { badOption } from '../../errors.ts'
import { checkObject, int, type OptionReader, readObject, real, shown, type Specification } from '../../util/index.ts'
import { isVpnVerdict, rankOf, unknownAnswer, validatesAnswers, verdictNames } from '../../verdict/index.ts'
import { checkMembers, cost, named, timeoutOf } from './fallback.ts'

/** The options of `consensus`. */
export interface ConsensusOptions {
  /** The least number of members that must know something: 1 to all. Default: more than half. */
  readonly quorum?: number | undefined
  /** How much the verdict of a member counts, by its name: above 0. Default 1 each. */
  readonly weights?: Readonly<Record<string, number>> | undefined
  /**
   * Least confidence of a member's answer, by its name, 0 to 1; below it, it knows nothing. One without a confidence
   * counts.
   */
  readonly minConfidence?: Readonly<Record<string, number>> | undefined
  /** Most money that the members may cost in one day (UTC), by their `costPerCall`. Default: no limit. */
  readonly maxCostPerDay?: number | undefined
}

/** How much longer late members have once the others suffice: a request waits for all of it. */
const graceMs = 1_000

/**
 * Asks all members at once. The verdict is the median of those that know something, ties to the milder; it is
 * `unknown` when fewer than `quorum` know something. Signals `said_<verdict>` name each member in `detail`, before the
 * members' own signals.
 */
export function consensus (members: readonly Provider[], options: ConsensusOptions = {}): CompositeProvider {
  if (!Array.isArray(members)) throw badOption('consensus', `takes an array of providers, got ${shown(members)}`)
  checkMembers('consensus', members)
  const { quorum, weights: weightOf, minConfidence: leastOf, maxCostPerDay } = readObject('consensus', options, {
    quorum: int(1, members.length, Math.floor(members.length / 2) + 1),
    weights: byMember(members, 1, real(0.001, 1000, 1)),
    minConfidence: byMember(members, 0, real(0, 1, 0)),
    maxCostPerDay: cost
  } satisfies Specification<ConsensusOptions>)
  const name = `consensus(${quorum}:${members.map(member => member.name).join(',')})`

  /** Whether the answer of a member is one that the quorum counts. */
  const counts = (answer: ProviderAnswer, i: number): boolean =>
    answer.verdict !== 'unknown' && (answer.confidence ?? 1) >= leastOf(members[i]!.name)

  function combine (answers: readonly ProviderAnswer[]): ProviderAnswer {
    const known = answers.flatMap((answer, i): Vote[] => answer.verdict !== 'unknown' && counts(answer, i)
      ? [{ answer: named(answer, members[i]!), weight: weightOf(members[i]!.name) }]
      : [])
    if (known.length >= quorum) return merge(known, name)
    // The reason of the first member that knows nothing.
    const first = answers.find(answer => answer.verdict === 'unknown')
    const reason = first?.verdict === 'unknown' ? first.reason : 'no_data'
    return unknownAnswer(reason, `${known.length} of ${quorum} answers: ${summary(answers, members)}`)
  }

  return validatesAnswers({
    name,
    names: [name],
    members,
    sync: members.every(member => member.sync === true),
    timeoutMs: Math.max(...members.map(timeoutOf)),
    ...maxCostPerDay !== undefined && { maxCostPerDay },
    lookup (ip, context) {
      const answers = members.map(member => context.ask(member, ip))
      const pending = answers.some(answer => answer instanceof Promise)
      return pending ? gather(answers, quorum, counts).then(combine) : combine(answers as ProviderAnswer[])
    }
  } satisfies CompositeProvider)
}

/** All answers; once a quorum knows something, the others have a second more. */
function gather (
  pending: readonly (ProviderAnswer | Promise<ProviderAnswer>)[], quorum: number,
  counts: (answer: ProviderAnswer, i: number) => boolean
): Promise<ProviderAnswer[]> {
  return new Promise(resolve => {
    const answers: ProviderAnswer[] = pending.map(() => unknownAnswer('timeout'))
    let left = pending.length
    let known = 0
    let timer: NodeJS.Timeout | undefined
    const end = (): void => {
      clearTimeout(timer)
      resolve([...answers])
    }
    pending.forEach(async (promise, i) => {
      const answer = answers[i] = await promise
      if (counts(answer, i)) known++
      if (--left === 0) end()
      else if (known >= quorum) timer ??= setTimeout(end, graceMs)
    })
  })
}

function summary (answers: readonly ProviderAnswer[], members: readonly Provider[]): string {
  const one = (answer: ProviderAnswer): string => answer.verdict === 'unknown' ? answer.reason : answer.verdict
  return answers.map((answer, i) => `${members[i]!.name} ${one(answer)}`).join(', ')
}

/** A number for each member, by its name. */
function byMember (
  members: readonly Provider[], fallback: number, read: OptionReader<number>
): OptionReader<(name: string) => number> {
  return (path, value) => {
    const given = checkObject<Record<string, number>>(path, value, members.map(({ name }) => name))
    for (const [name, number] of Object.entries(given)) read(`${path}.${name}`, number)
    return name => given[name] ?? fallback
  }
}

interface Vote { readonly answer: KnownAnswer & { readonly provider: string }, readonly weight: number }

/**
 * Verdict and score are medians; confidence and categories come from members of that verdict; signals and info from
 * all.
 */
function merge (votes: readonly Vote[], name: string): KnownAnswer {
  const known = votes.map(({ answer }) => answer)
  const verdict = verdictNames[median(votes.map(({ answer, weight }) => [rankOf(answer.verdict), weight]))!]!
  const scores = votes.flatMap(({ answer: { score }, weight }): [number, number][] =>
    score === null ? [] : [[score, weight]])
  const of = known.filter(answer => answer.verdict === verdict)
  const confidences = of.map(answer => answer.confidence).filter(confidence => confidence !== null)
  return {
    verdict,
    score: median(scores) ?? null,
    isVpn: isVpnVerdict(verdict),
    confidence: confidences.length === 0 ? null : Math.max(...confidences),
    signals: [
      ...known.map(answer => ({ type: `said_${answer.verdict}`, weight: answer.score ?? 0, detail: answer.provider })),
      ...known.flatMap(answer => answer.signals)
    ],
    info: Object.assign({}, ...known.map(answer => answer.info).reverse()),
    categories: [...new Set(of.flatMap<Category>(answer => answer.categories))],
    provider: name
  }
}

/** The weighted median of `[value, weight]`; of two in the middle, the lower one. */
function median (values: readonly (readonly [number, number])[]): number | undefined {
  const half = values.reduce((sum, [, weight]) => sum + weight, 0) / 2
  let sum = 0
  return values.toSorted(([a], [b]) => a - b).find(([, weight]) => (sum += weight) >= half)?.[0]
}
