import type { Familiarity, RouteContext } from '../../types/contract.ts'
import { type Strength, type Visit } from '../familiarity/index.ts'
import { applyPolicy } from '../policy/index.ts'
import { isThenable, waitAtMost } from '../util/index.ts'
import type { CompletedAssessment } from './assessment.ts'
import { categoriesOf, noInfo } from './risk.ts'

const degrees: readonly Familiarity[] = ['known', 'similar', 'new', 'first', 'impossible', 'unknown']

/**
 * Marks an assessed write whose decision waits for its account. A block that no familiarity could lower does not wait:
 * it ends the request before anything else runs.
 */
export function awaitFamiliarity (assessment: CompletedAssessment): void {
  const { context: { route: routePolicy, method, url } } = assessment
  if (!routePolicy.marked || !assessment.write || assessment.reason === 'listed') return
  const route: RouteContext = { action: routePolicy.action, write: true, method, url }
  assessment.awaitsFamiliarity = assessment.decision !== 'block' || degrees.some(familiarity =>
    applyPolicy(routePolicy.policy, { ...assessment.risk, familiarity }, route).decision !== 'block')
}

/**
 * Whose request it is, and on which device; null where nobody is logged in or a function of the option failed. Asks the
 * application once for each assessment.
 */
function visitOf (assessment: CompletedAssessment): Visit | null | Promise<Visit | null> {
  if (assessment.visit === undefined) assessment.visit = askAccount(assessment)
  return assessment.visit
}

function askAccount (assessment: CompletedAssessment): Visit | null | Promise<Visit | null> {
  try {
    const id: unknown = assessment.context.scope.familiarity!.account(assessment.request as never)
    return isThenable(id) ? within(assessment, id) : visitBy(assessment, id)
  } catch (err) {
    return failed(assessment, err)
  }
}

/** A visitor must not wait for ever for an account. */
function within (assessment: CompletedAssessment, pending: PromiseLike<unknown>): Promise<Visit | null> {
  const { timeoutMs } = assessment.context.route
  const visit = Promise.resolve(pending).then(id => visitBy(assessment, id), err => failed(assessment, err))
  return waitAtMost(visit, timeoutMs, () => failed(assessment, new Error(`no account within ${timeoutMs} ms`)))
}

/**
 * What the application calls an account, as text; undefined where it names nobody. A number that may be a rounded one
 * names nobody: two accounts would share a memory.
 */
export function accountOf (id: unknown): string | undefined {
  if (typeof id === 'string') return id === '' ? undefined : id
  return typeof id === 'bigint' || Number.isSafeInteger(id) ? String(id) : undefined
}

function visitBy (assessment: CompletedAssessment, id: unknown): Visit | null {
  const account = accountOf(id)
  if (account === undefined) {
    if (id === undefined || id === null || id === '') return null
    return failed(assessment, new TypeError(`account returned a value of type ${typeof id} that is no id: ` +
      'return a text, a safe integer, a bigint or null'))
  }
  const { request, context: { scope } } = assessment
  const { device, failing } = scope.familiarity!
  try {
    const seen: unknown = device?.(request as never)
    if (typeof seen !== 'string' && seen !== undefined && seen !== null) {
      if (isThenable(seen)) seen.then(undefined, () => {}) // its rejection must not end the process
      return failed(assessment, new TypeError(`device returned a value of type ${typeof seen}: return a text or null ` +
        'at once'))
    }
    failing.recovered()
    return { account, device: seen === undefined || seen === '' ? null : seen, risk: foundOf(assessment) }
  } catch (err) {
    return failed(assessment, err)
  }
}

/** What a history reads of a risk, without making the risk. */
function foundOf ({ address, result: { answer } }: CompletedAssessment): Visit['risk'] {
  const { verdict, info = noInfo } = answer
  return { ip: address.ip, verdict, info, categories: categoriesOf(address, answer.categories) }
}

function failed ({ context: { scope, log } }: CompletedAssessment, err: unknown): null {
  if (scope.familiarity!.failing.failed()) {
    log.error({ code: 'IP_RISK_FAMILIARITY_FAILED', err }, 'familiarity.account or familiarity.device failed, ' +
      'so nobody counts as known: fix the function')
  }
  return null
}

/** Learns the network of a request. Rejects when Redis does not answer in time. */
export async function learnFrom (assessment: CompletedAssessment, strength: Strength): Promise<void> {
  const { familiarity } = assessment.context.scope
  const visit = familiarity === undefined ? null : await visitOf(assessment)
  if (visit !== null) await assessment.engine.familiarity.learn(visit, strength, familiarity!, assessment.startedAtMs)
}

/**
 * Forgets whose request it was where the handler has logged somebody in: nobody was before, or `account` names another.
 */
export async function loggedIn (assessment: CompletedAssessment, account: unknown): Promise<void> {
  if (account !== undefined) assessment.visit = visitBy(assessment, account)
  else if (await assessment.visit === null) assessment.visit = undefined
}

/**
 * How well the account knows the network. `unknown` where nobody is logged in or Redis does not answer. Never rejects,
 * and is no promise where `account` returns none and memory answers.
 */
function familiarityOf (assessment: CompletedAssessment): Familiarity | Promise<Familiarity> {
  const visit = visitOf(assessment)
  return visit instanceof Promise ? visit.then(visit => ask(assessment, visit)) : ask(assessment, visit)
}

function ask (
  { engine, context, startedAtMs }: CompletedAssessment, visit: Visit | null
): Familiarity | Promise<Familiarity> {
  if (visit === null) return 'unknown'
  const found = engine.familiarity.of(visit, context.scope.familiarity!, startedAtMs)
  // The circuit breaker of Redis has logged it.
  return found instanceof Promise ? found.catch(() => 'unknown') : found
}

/**
 * Assesses again once it is known whose request it is. Replaces `risk`, and does nothing where no familiarity is
 * awaited. To be called behind the authentication. Never rejects; no promise where nothing has to be waited for.
 */
export function assessAgain (assessment: CompletedAssessment): Promise<void> | undefined {
  if (!assessment.awaitsFamiliarity) return undefined
  if (assessment.again !== undefined) return assessment.again
  const familiarity = familiarityOf(assessment)
  if (familiarity instanceof Promise) assessment.again = familiarity.then(found => replace(assessment, found))
  else replace(assessment, familiarity)
  return assessment.again
}

function replace (assessment: CompletedAssessment, familiarity: Familiarity): void {
  // By the time at which the request came: another look at the clock costs as much as the policy.
  assessment.decideByPolicy(assessment.startedAtMs, familiarity)
  assessment.awaitsFamiliarity = false
}
