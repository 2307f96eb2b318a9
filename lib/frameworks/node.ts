import type { IpRiskEngine, RawResponse } from '../../types/api.ts'
import type { CreateIpRiskOptions, RawRequest } from '../../types/contract.ts'
import { endsAsGone, type CompletedAssessment, outcomeOf, postpone, publish } from '../core/index.ts'
import { ClientGone } from '../errors.ts'
import type { RoutePolicy } from '../options/index.ts'
import { type Rejection, enforce } from './enforcement.ts'
import { createStandalone } from './standalone.ts'

/** The engine without Fastify. Throws an `IpRiskError` that names the option; whoever makes it closes it. */
export function createIpRisk ({ log, ...options }: CreateIpRiskOptions = {}): IpRiskEngine {
  const { engine, scope, api, plan, judge } = createStandalone(options, log)
  const named = new Map<unknown, RoutePolicy>()
  const written = new WeakMap<object, RoutePolicy>()
  /** By the risk, and the latest by its request: a copy of the risk must not get past a refusal. */
  const assessments = new WeakMap<object, CompletedAssessment>()
  return {
    ...api,
    async check (request, route = true, response) {
      const plans = typeof route === 'object' ? written : named
      let known = plans.get(route as object)
      if (known === undefined) plans.set(route as object, known = plan(route))
      const judged = await judge(request, known)
      assessments.set(judged.risk, judged).set(request, judged)
      const outcome = outcomeOf(judged)
      if (outcome === undefined) awaitRefusal(judged, request, response)
      else publish(judged, outcome)
      return judged.risk
    },
    async refusal (request, risk) {
      const judged = assessments.get(risk) ?? assessments.get(request)
      const refused = judged === undefined ? unjudged(request) : await enforce(judged, request)
      if (refused === undefined) return null
      const { error: { statusCode, code, message }, challenge } = refused
      return { statusCode: statusCode!, code, message, headers: challenge === undefined ? {} : { 'www-authenticate': challenge } }
    },
    ready: engine.ready,
    close: engine.close
  }

  /** Nobody assessed this request: nothing to enforce, but its client may be gone all the same. */
  function unjudged (request: RawRequest): Rejection | undefined {
    return endsAsGone(request, { marked: true, mode: scope.mode }) ? { error: new ClientGone() } : undefined
  }
}

/** Step-ups that wait for a call of `refusal`, by the connection of their request. */
const unasked = new WeakMap<object, Set<CompletedAssessment>>()
/** At most so many per connection: where `refusal` is never called, one visitor must not fill the memory. */
const UNASKED_MAX = 100

/**
 * Publishes a step-up for which `refusal` is never called. A request does not know its response, and its own `close`
 * comes as soon as its body was read. So without the response, the end of the connection (in HTTP/2 of the stream) counts.
 */
function awaitRefusal (judged: CompletedAssessment, request: RawRequest, response: RawResponse | undefined): void {
  postpone(judged)
  if (response !== undefined) {
    const close = (): void => publish(judged, response.headersSent ? 'not_enforced' : 'client_gone')
    if (response.closed === true) close()
    else response.once('close', close)
    return
  }
  const connection = (request.stream ?? request.socket) as Partial<Pick<RawResponse, 'once'>> | undefined
  if (typeof connection?.once !== 'function') return
  let waiting = unasked.get(connection)
  if (waiting === undefined) {
    const all = waiting = new Set<CompletedAssessment>()
    unasked.set(connection, all)
    connection.once('close', () => { for (const one of all) publish(one, 'not_enforced') })
  }
  for (const one of waiting) {
    if (one.outcome === undefined && waiting.size < UNASKED_MAX) continue
    waiting.delete(one)
    publish(one, 'not_enforced')
  }
  waiting.add(judged)
}
