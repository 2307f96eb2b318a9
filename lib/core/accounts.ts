import type { AccountId, Familiarity, RouteContext } from '../../types/contract.ts'
import { type Strength, type Visit } from '../familiarity/index.ts'
import { isWrite } from '../options/index.ts'
import { applyPolicy } from '../policy/index.ts'
import type { Assessment, CompletedAssessment } from './assessment.ts'

/** The latest assessment of a request, for `trust()`. Kept only with the option `familiarity`. */
const assessments = new WeakMap<object, CompletedAssessment>()

export function assessmentOf (request: object): CompletedAssessment | undefined {
  return assessments.get(request)
}

const degrees: readonly Familiarity[] = ['known', 'similar', 'new', 'first', 'impossible', 'unknown']

/**
 * Marks a judged write whose decision waits for its account. A block that no familiarity could lower does not wait: it
 * ends the request before anything else runs.
 */
export function awaitFamiliarity (judged: CompletedAssessment): void {
  const { request, risk, context: { route: plan, method, url } } = judged
  assessments.set(request, judged)
  const write = isWrite(plan, method)
  if (!plan.marked || !write || risk.reason === 'listed') return
  const route: RouteContext = { action: plan.action, write, method, url }
  judged.awaitsFamiliarity = risk.decision !== 'block' ||
    degrees.some(familiarity => applyPolicy(plan.policy, { ...risk, familiarity }, route).decision !== 'block')
}

/** Whose request it is, and on which device; undefined where nobody is logged in or a function of the option failed. */
export async function visitOf (
  { request, risk, context: { scope, log } }: CompletedAssessment
): Promise<Visit | undefined> {
  const { account, device, failing } = scope.familiarity!
  try {
    const id: AccountId = await account(request as never)
    const text = typeof id === 'number' ? String(id) : id
    if (typeof text !== 'string' || text === '') return undefined
    const seen = device?.(request as never)
    failing.recovered()
    return { account: text, device: typeof seen === 'string' && seen !== '' ? seen : null, risk }
  } catch (err) {
    if (failing.failed()) {
      log.error({ code: 'IP_RISK_FAMILIARITY_FAILED', err }, 'familiarity.account or familiarity.device threw, so ' +
        'nobody counts as known: fix the function')
    }
    return undefined
  }
}

/** Learns the network of a request. Rejects when Redis does not answer in time. */
export async function learnFrom (judged: CompletedAssessment, strength: Strength): Promise<void> {
  const { familiarity } = judged.context.scope
  const visit = familiarity === undefined ? undefined : await visitOf(judged)
  if (visit !== undefined) await judged.engine.familiarity.learn(visit, strength, familiarity!)
}

/** Under way, so that two callers share one. */
const again = new WeakMap<Assessment, Promise<Familiarity>>()

/**
 * How well the account knows the network. `unknown` where nobody is logged in or Redis does not answer. Never rejects.
 */
export async function familiarityOf (judged: CompletedAssessment): Promise<Familiarity> {
  let found = again.get(judged)
  if (found === undefined) again.set(judged, found = ask(judged))
  return await found
}

async function ask (judged: CompletedAssessment): Promise<Familiarity> {
  const visit = await visitOf(judged)
  if (visit === undefined) return 'unknown'
  try {
    return await judged.engine.familiarity.of(visit, judged.context.scope.familiarity!)
  } catch {
    return 'unknown' // the circuit breaker of Redis has logged it
  }
}
