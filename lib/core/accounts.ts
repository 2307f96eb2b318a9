import type { Familiarity, RouteContext } from '../../types/contract.ts'
import { type Strength, type Visit } from '../familiarity/index.ts'
import { applyPolicy } from '../policy/index.ts'
import { isThenable, waitAtMost } from '../util/index.ts'
import type { CompletedAssessment } from './assessment.ts'
import { categoriesOf, noInfo } from './risk.ts'

const degrees: readonly Familiarity[] = ['known', 'similar', 'new', 'first', 'impossible', 'unknown']

/**
 * Marks a judged write whose decision waits for its account. A block that no familiarity could lower does not wait: it
 * ends the request before anything else runs.
 */
export function awaitFamiliarity (judged: CompletedAssessment): void {
  const { context: { route: routePolicy, method, url } } = judged
  if (!routePolicy.marked || !judged.write || judged.reason === 'listed') return
  const route: RouteContext = { action: routePolicy.action, write: true, method, url }
  judged.awaitsFamiliarity = judged.decision !== 'block' || degrees.some(familiarity =>
    applyPolicy(routePolicy.policy, { ...judged.risk, familiarity }, route).decision !== 'block')
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
    return isThenable(id) ? within(judged, id) : visitBy(judged, id)
  } catch (err) {
    return failed(judged, err)
  }
}

/** A visitor must not wait for ever for an account. */
function within (judged: CompletedAssessment, pending: PromiseLike<unknown>): Promise<Visit | null> {
  const { timeoutMs } = judged.context.route
  const visit = Promise.resolve(pending).then(id => visitBy(judged, id), err => failed(judged, err))
  return waitAtMost(visit, timeoutMs, () => failed(judged, new Error(`no account within ${timeoutMs} ms`)))
}

/**
 * What the application calls an account, as text; undefined where it names nobody. A number that may be a rounded one
 * names nobody: two accounts would share a memory.
 */
export function accountOf (id: unknown): string | undefined {
  if (typeof id === 'string') return id === '' ? undefined : id
  return typeof id === 'bigint' || Number.isSafeInteger(id) ? String(id) : undefined
}

function visitBy (judged: CompletedAssessment, id: unknown): Visit | null {
  const account = accountOf(id)
  if (account === undefined) {
    if (id === undefined || id === null || id === '') return null
    return failed(judged, new TypeError(`account returned a value of type ${typeof id} that is no id: ` +
      'return a text, a safe integer, a bigint or null'))
  }
  const { request, context: { scope } } = judged
  const { device, failing } = scope.familiarity!
  try {
    const seen: unknown = device?.(request as never)
    if (typeof seen !== 'string' && seen !== undefined && seen !== null) {
      if (seen instanceof Promise) seen.catch(() => {}) // its rejection must not end the process
      return failed(judged, new TypeError(`device returned a value of type ${typeof seen}: return a text or null at ` +
        'once'))
    }
    failing.recovered()
    return { account, device: seen === undefined || seen === '' ? null : seen, risk: foundOf(judged) }
  } catch (err) {
    return failed(judged, err)
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

/**
 * Judges again once it is known whose request it is. Replaces `risk`, and does nothing where no familiarity is awaited.
 * To be called behind the authentication. Never rejects; no promise where nothing has to be waited for.
 */
export function assessAgain (judged: CompletedAssessment): Promise<void> | undefined {
  if (!judged.awaitsFamiliarity) return undefined
  if (judged.again !== undefined) return judged.again
  const familiarity = familiarityOf(judged)
  if (familiarity instanceof Promise) judged.again = familiarity.then(found => replace(judged, found))
  else replace(judged, familiarity)
  return judged.again
}

function replace (judged: CompletedAssessment, familiarity: Familiarity): void {
  // By the time at which the request came: another look at the clock costs as much as the policy.
  judged.judge(judged.startedAtMs, familiarity)
  judged.awaitsFamiliarity = false
}
