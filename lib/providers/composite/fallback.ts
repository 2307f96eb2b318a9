import type { CompositeContext, CompositeProvider } from '../../../types/contract.ts'
import type { KnownAnswer, Provider, ProviderAnswer } from '../../../types/contract.ts'
import { badOption } from '../../errors.ts'
import { int, type OptionReader, readObject, real, shown, type Specification } from '../../util/index.ts'
import { answerNames, validatesAnswers } from '../../verdict/index.ts'

/** The options of `fallback`. */
export interface FallbackOptions {
  /**
   * Milliseconds that each member but the last has: 1 to 120 000. Default 2 000; where only `sync` members follow the
   * first one, 4 500: the most that leaves a request time for their answer.
   */
  readonly attemptTimeoutMs?: number | undefined
  /** Most money that the members may cost in one day (UTC), by their `costPerCall`. Default: no limit. */
  readonly maxCostPerDay?: number | undefined
}

/**
 * Asks the next provider when one is `unknown`.
 *
 * @example
 * fallback(iplogs(), lists())
 * fallback(iplogs(), getipintel({ contact }), lists(), { attemptTimeoutMs: 1_500 })
 */
export function fallback (...given: readonly (Provider | FallbackOptions)[]): CompositeProvider {
  const members = given.filter(isProvider)
  const rest = given.filter(entry => !isProvider(entry))
  if (rest.length > 1 || (rest.length === 1 && given.at(-1) !== rest[0])) {
    throw badOption('fallback', Array.isArray(given[0])
      ? 'takes providers one by one, not in an array: fallback(a, b)'
      : 'takes providers, and options at the end')
  }
  checkMembers('fallback', members)
  const { attemptTimeoutMs: timeoutMs, maxCostPerDay } = readObject('fallback', rest[0], {
    attemptTimeoutMs: int(1, 120_000, members.slice(1).every(member => member.sync) ? 4_500 : 2_000),
    maxCostPerDay: cost
  } satisfies Specification<FallbackOptions>)
  const last = members.length - 1

  /** Not a promise as long as the members return none. `before`: which members were unknown, and why. */
  function from (
    index: number, ip: string, context: CompositeContext, before: string
  ): ProviderAnswer | Promise<ProviderAnswer> {
    const member = members[index]!
    const next = (answer: ProviderAnswer): ProviderAnswer | Promise<ProviderAnswer> => {
      if (answer.verdict !== 'unknown') return named(answer, member)
      const all = `${before}${member.name} ${answer.reason}`
      return index < last ? from(index + 1, ip, context, `${all}, `) : { ...answer, cause: all }
    }
    const answer = context.ask(member, ip, index < last ? { timeoutMs } : {})
    return answer instanceof Promise ? answer.then(next) : next(answer)
  }

  const ownMs = (member: Provider, i: number): number =>
    i < last ? Math.min(timeoutMs, timeoutOf(member)) : timeoutOf(member)

  return validatesAnswers({
    name: `fallback(${members.map(member => member.name).join(',')})`,
    names: namesOf(members),
    members,
    sync: members.every(member => member.sync === true),
    timeoutMs: members.reduce((sum, member, i) => sum + ownMs(member, i), 0),
    ...maxCostPerDay !== undefined && { maxCostPerDay },
    lookup: (ip, context) => from(0, ip, context, ''),
    async * bulk (ips, context) {
      let left = ips
      for (const [i, member] of members.entries()) {
        const unknown: string[] = []
        for await (const [ip, answer] of context.askAll(member, left, i < last ? { wait: false } : {})) {
          if (answer.verdict === 'unknown' && i < last) unknown.push(ip)
          else yield [ip, answer.verdict === 'unknown' ? answer : named(answer, member)]
        }
        left = unknown
      }
    }
  } satisfies CompositeProvider)
}

/** The answer with the name of the member that gave it. */
export function named (answer: KnownAnswer, member: Provider): KnownAnswer & { readonly provider: string } {
  return { ...answer, provider: answer.provider ?? member.name }
}

/** A member's own time; the default of the pipeline if it has none. */
export function timeoutOf (member: Provider): number {
  return member.timeoutMs ?? 5_000
}

/** Every name that the members' answers may carry. */
export function namesOf (members: readonly Provider[]): string[] {
  return [...new Set(members.flatMap(answerNames))]
}

function isProvider (value: unknown): value is Provider {
  return typeof value === 'object' && value !== null && typeof (value as Partial<Provider>).lookup === 'function'
}

export function checkMembers (path: string, members: readonly unknown[]): void {
  if (members.length === 0) throw badOption(path, 'needs at least one provider')
  members.forEach((member, i) => {
    if (!isProvider(member)) throw badOption(`${path}[${i}]`, `must be a provider, got ${shown(member)}`)
  })
}

/** A budget in money; undefined without one. */
export const cost: OptionReader<number | undefined> = real(0, 1_000_000_000, undefined)
