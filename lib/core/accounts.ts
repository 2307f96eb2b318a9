import type { Familiarity, RouteContext } from '../../types/contract.ts'
import { type Strength, type Visit } from '../familiarity/index.ts'
import { isWrite } from '../options/index.ts'
import { applyPolicy } from '../policy/index.ts'
import type { CompletedAssessment } from './assessment.ts'

const degrees: readonly Familiarity[] = ['known', 'similar', 'new', 'first', 'impossible', 'unknown']

/**
 * Marks a judged write whose decision waits for its account. A block that no familiarity could lower does not wait: it
 * ends the request before anything else runs.
 */
export function awaitFamiliarity (judged: CompletedAssessment): void {
  const { risk, context: { route: plan, method, url } } = judged
  if (!plan.marked || !isWrite(plan, method) || risk.reason === 'listed') return
  const route: RouteContext = { action: plan.action, write: true, method, url }
  judged.awaitsFamiliarity = risk.decision !== 'block' ||
    degrees.some(familiarity => applyPolicy(plan.policy, { ...risk, familiarity }, route).decision !== 'block')
}

/**
 * Whose request it is, and on which device; null where nobody is logged in or a function of the option failed. Asks the
 * application once for each assessment.
 */
export function visitOf (judged: CompletedAssessment): Visit | null | Promise<Visit | null> {
  if (judged.visit === undefined) judged.visit = askAccount(judged)
  return judged.visit
}

function askAccount (judged: CompletedAssessment): Visit | null | Promise<Visit | null> {
  try {
    const id: unknown = judged.context.scope.familiarity!.account(judged.request as never)
    return typeof id === 'object' && id !== null
      ? Promise.resolve(id).then(id => visitBy(judged, id), err => failed(judged, err))
      : visitBy(judged, id)
  } catch (err) {
    return failed(judged, err)
  }
}

/** What the application calls an account, as text; undefined where it names nobody. */
export function accountOf (id: unknown): string | undefined {
  const text = typeof id === 'number' ? String(id) : id
  return typeof text === 'string' && text !== '' ? text : undefined
}

function visitBy (judged: CompletedAssessment, id: unknown): Visit | null {
  const account = accountOf(id)
  if (account === undefined) return null
  const { request, risk, context: { scope } } = judged
  const { device, failing } = scope.familiarity!
  try {
    const seen = device?.(request as never)
    failing.recovered()
    return { account, device: typeof seen === 'string' && seen !== '' ? seen : null, risk }
  } catch (err) {
    return failed(judged, err)
  }
}

function failed ({ context: { scope, log } }: CompletedAssessment, err: unknown): null {
  if (scope.familiarity!.failing.failed()) {
    log.error({ code: 'IP_RISK_FAMILIARITY_FAILED', err }, 'familiarity.account or familiarity.device threw, so ' +
      'nobody counts as known: fix the function')
  }
  return null
}

/** Learns the network of a request. Rejects when Redis does not answer in time. */
export async function learnFrom (judged: CompletedAssessment, strength: Strength): Promise<void> {
  const { familiarity } = judged.context.scope
  const visit = familiarity === undefined ? null : await visitOf(judged)
  if (visit !== null) await judged.engine.familiarity.learn(visit, strength, familiarity!, judged.startedAtMs)
}

/**
 * Forgets whose request it was where the handler has logged somebody in: nobody was before, or `account` names another.
 */
export async function loggedIn (judged: CompletedAssessment, account: unknown): Promise<void> {
  if (account !== undefined) judged.visit = visitBy(judged, account)
  else if (await judged.visit === null) judged.visit = undefined
}

/**
 * How well the account knows the network. `unknown` where nobody is logged in or Redis does not answer. Never rejects,
 * and is no promise where `account` returns none and memory answers.
 */
export function familiarityOf (judged: CompletedAssessment): Familiarity | Promise<Familiarity> {
  const visit = visitOf(judged)
  return visit instanceof Promise ? visit.then(visit => ask(judged, visit)) : ask(judged, visit)
}

function ask (
  { engine, context, startedAtMs }: CompletedAssessment, visit: Visit | null
): Familiarity | Promise<Familiarity> {
  if (visit === null) return 'unknown'
  const found = engine.familiarity.of(visit, context.scope.familiarity!, startedAtMs)
  // The circuit breaker of Redis has logged it.
  return found instanceof Promise ? found.catch(() => 'unknown') : found
}
