import type { CompositeProvider } from '../../../types/contract.ts'
import type { Category, KnownAnswer, Provider, ProviderAnswer, VerdictName } from '../../../types/contract.ts'
import { badOption } from '../../errors.ts'
import { checkNumber, checkObject, shown } from '../../util/index.ts'
import { isVpnVerdict, unknownAnswer, validatesAnswers, verdictNames } from '../../verdict/index.ts'
import { checkMembers, named, timeoutOf } from './fallback.ts'

/** The options of `consensus`. */
export interface ConsensusOptions {
  /** The least number of members that must know something: 1 to all. Default: more than half. */
  readonly quorum?: number
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
  const { quorum: given } = checkObject<ConsensusOptions>('consensus', options, ['quorum'])
  const majority = Math.floor(members.length / 2) + 1
  const quorum = checkNumber('consensus.quorum', given, majority, { min: 1, max: members.length })
  const name = `consensus(${quorum}:${members.map(member => member.name).join(',')})`

  function judge (answers: readonly ProviderAnswer[]): ProviderAnswer {
    const known = answers.flatMap((answer, i) => answer.verdict === 'unknown' ? [] : [named(answer, members[i]!)])
    if (known.length >= quorum) return merge(known, name)
    // The reason of the first member that knows nothing.
    const { reason } = answers.find(answer => answer.verdict === 'unknown')!
    return unknownAnswer(reason, `${known.length} of ${quorum} answers: ${summary(answers, members)}`)
  }

  return validatesAnswers({
    name,
    names: [name],
    members,
    sync: members.every(member => member.sync === true),
    timeoutMs: Math.max(...members.map(timeoutOf)),
    lookup (ip, context) {
      const answers = members.map(member => context.ask(member, ip))
      const pending = answers.some(answer => answer instanceof Promise)
      return pending ? gather(answers, quorum).then(judge) : judge(answers as ProviderAnswer[])
    }
  } satisfies CompositeProvider)
}

/** All answers; once a quorum knows something, the others have a second more. */
function gather (
  pending: readonly (ProviderAnswer | Promise<ProviderAnswer>)[], quorum: number
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
      if (answer.verdict !== 'unknown') known++
      if (--left === 0) end()
      else if (known >= quorum) timer ??= setTimeout(end, graceMs)
    })
  })
}

function summary (answers: readonly ProviderAnswer[], members: readonly Provider[]): string {
  const one = (answer: ProviderAnswer): string => answer.verdict === 'unknown' ? answer.reason : answer.verdict
  return answers.map((answer, i) => `${members[i]!.name} ${one(answer)}`).join(', ')
}

type Named = KnownAnswer & { readonly provider: string }

/**
 * Verdict and score are medians; confidence and categories come from members of that verdict; signals and info from
 * all.
 */
function merge (known: readonly Named[], name: string): KnownAnswer {
  const ranked = known.toSorted((a, b) => rank(a.verdict) - rank(b.verdict))
  const verdict = ranked[Math.floor((ranked.length - 1) / 2)]!.verdict
  const scores = known.map(answer => answer.score).filter(score => score !== null).sort((a, b) => a - b)
  const of = known.filter(answer => answer.verdict === verdict)
  const confidences = of.map(answer => answer.confidence).filter(confidence => confidence !== null)
  return {
    verdict,
    score: scores[Math.floor((scores.length - 1) / 2)] ?? null,
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

function rank (verdict: VerdictName): number {
  return verdictNames.indexOf(verdict)
}
