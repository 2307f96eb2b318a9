import type { ServerResponse } from 'node:http'
import { createRequire } from 'node:module'
import type { IpRiskApi, IpRiskEngine, RawResponse } from '../../types/api.ts'
import type { CreateIpRiskOptions, IpRisk, IpRiskLogger, RawRequest, RouteIpRiskOption } from '../../types/contract.ts'
import {
  type Assessment, assessRequest, bootLine, type CompletedAssessment, createApi, createEngine, endsAsGone, type Engine,
  outcomeOf, postpone, publish, rememberInternals, startAssessment
} from '../core/index.ts'
import { badOption, ClientGone } from '../errors.ts'
import {
  type PluginScope, type PluginScopeOptions, readPluginScope, readRoutePolicy, type RoutePolicy
} from '../options/index.ts'
import { enforce, optionContradicts, type Rejection, warnOfRoute } from './enforcement.ts'

/** What is read of a request outside Fastify. `id` and `log` are what pino-http and its like leave there. */
type OwnRequest = RawRequest & {
  readonly method?: string | undefined, readonly id?: unknown, readonly log?: unknown
}

interface AssessOptions {
  /** The route's pattern. */
  readonly url?: string | undefined
  /** An assessment of the same request, whose address and verdict are used again. */
  readonly earlier?: Assessment | undefined
}

/** One engine and one scope, for `createIpRisk` and the Express middleware. */
interface Standalone {
  readonly engine: Engine
  readonly scope: PluginScope
  readonly api: IpRiskApi
  /** `undefined` is an unmarked route. Throws on a wrong option. */
  routePolicy (option: Exclude<RouteIpRiskOption, false> | undefined): RoutePolicy
  /** Publishes nothing yet. */
  assess (request: OwnRequest, routePolicy: RoutePolicy, more?: AssessOptions): Promise<CompletedAssessment>
  /** The latest assessment of a request. */
  latest (request: object): CompletedAssessment | undefined
  close (): Promise<void>
}

/** pino takes a while to load, and applications with a logger of their own do not need it. */
function defaultLog (): IpRiskLogger {
  const { pino } = createRequire(import.meta.url)('pino') as typeof import('pino')
  return pino({ name: 'ip-risk', level: 'warn' })
}

/** Throws an `IpRiskError` that names the option. */
export function createStandalone (options: PluginScopeOptions, log: IpRiskLogger = defaultLog()): Standalone {
  const scope = readPluginScope(options)
  const engine = createEngine(options, log)
  let closed = false
  engine.ready().then(() => {
    if (closed) return
    const { fields, message } = bootLine(engine, scope, options)
    log.info(fields, message)
  })
  const assessments = new WeakMap<object, CompletedAssessment>()
  const latest = (request: object): CompletedAssessment | undefined => assessments.get(request)
  const origins = new WeakMap<RoutePolicy, { readonly option: unknown, revision: number, latest: RoutePolicy }>()
  /** After an `update()`, the route's option is read again over the new scope. */
  const policyOf = (routePolicy: RoutePolicy): RoutePolicy => {
    if (scope.revision === 0) return routePolicy
    const origin = origins.get(routePolicy)!
    if (origin.revision !== scope.revision) {
      origin.revision = scope.revision
      try {
        origin.latest = readRoutePolicy('route', origin.option, scope)!
        warnOfRoute(engine, scope, origin.latest, ['GET', 'POST'])
      } catch (err) {
        log.error({ code: 'IP_RISK_ROUTE_OPTION_WRONG', err }, optionContradicts)
      }
    }
    return origin.latest
  }
  return {
    engine,
    scope,
    api: createApi(engine, scope, latest),
    latest,
    async close () {
      closed = true
      await engine.close()
    },
    routePolicy (option) {
      const routePolicy = readRoutePolicy('route', option, scope)
      if (routePolicy === null) {
        throw badOption('route', 'is false, which switches a route off: call nothing for it instead')
      }
      warnOfRoute(engine, scope, routePolicy, ['GET', 'POST'])
      origins.set(routePolicy, { option, revision: scope.revision, latest: routePolicy })
      return routePolicy
    },
    async assess (request, routePolicy, { url, earlier } = {}) {
      const context = {
        scope,
        route: policyOf(routePolicy),
        method: request.method ?? 'GET',
        url,
        requestId: idOf(request),
        log: logOf(request, log)
      }
      const assessment = await assessRequest(startAssessment(engine, context, request, earlier), request)
      assessments.set(request, assessment)
      return assessment
    }
  }
}

function idOf ({ id }: OwnRequest): string {
  return typeof id === 'string' || typeof id === 'number' ? String(id) : ''
}

function logOf ({ log }: OwnRequest, otherwise: IpRiskLogger): IpRiskLogger {
  const own = log as Partial<IpRiskLogger> | undefined
  const isLogger = typeof own?.debug === 'function' && typeof own.info === 'function' && typeof own.error === 'function'
  return isLogger ? own as IpRiskLogger : otherwise
}

/** The engine without Fastify. Throws an `IpRiskError` that names the option; whoever makes it closes it. */
export function createIpRisk ({ log, ...options }: CreateIpRiskOptions = {}): IpRiskEngine {
  const { engine, scope, api, routePolicy, assess, latest, close } = createStandalone(options, log)
  const named = new Map<unknown, RoutePolicy>()
  const written = new WeakMap<object, RoutePolicy>()
  /** Only for `onRejected`. */
  const responses = new WeakMap<CompletedAssessment, RawResponse>()
  const byRisk = new WeakMap<IpRisk, CompletedAssessment>()
  return rememberInternals({
    ...api,
    async assess (request, route = true, response) {
      const routePolicies = typeof route === 'object' ? written : named
      let known = routePolicies.get(route as object)
      if (known === undefined) routePolicies.set(route as object, known = routePolicy(route))
      const assessment = await assess(request, known)
      byRisk.set(assessment.risk, assessment)
      if (response !== undefined && scope.onRejected !== undefined) responses.set(assessment, response)
      const outcome = outcomeOf(assessment)
      if (outcome === undefined) awaitEnforcement(assessment, request, response)
      else publish(assessment, outcome)
      return assessment.risk
    },
    async enforce (request, risk) {
      // By the request too: a copy of the risk must not get past the enforcement.
      const assessment = byRisk.get(risk) ?? latest(request)
      const refused = assessment === undefined ? notAssessed(request) : await enforce(assessment, request)
      if (refused === undefined) return null
      const { error: { statusCode, code, message }, challenge } = refused
      const response = assessment === undefined ? undefined : responses.get(assessment)
      if (response !== undefined && !(refused.error instanceof ClientGone)) await reject(assessment!, refused, response)
      return {
        sent: response?.headersSent === true,
        statusCode: statusCode!,
        code,
        message,
        headers: challenge === undefined
          ? {}
          : { 'www-authenticate': challenge }
      }
    },
    risk: request => latest(request)?.risk ?? null,
    ready: engine.ready,
    close
  }, { engine, scope })

  /** By `onRejected`, where that sends an answer. */
  async function reject (
    assessment: CompletedAssessment, { error, challenge }: Rejection, response: RawResponse
  ): Promise<void> {
    if (response.headersSent) return
    const own = response as RawResponse & Pick<ServerResponse, 'statusCode' | 'setHeader'>
    own.statusCode = error.statusCode!
    if (challenge !== undefined) own.setHeader('www-authenticate', challenge)
    await scope.onRejected!(assessment, response)
  }

  /** Nobody assessed this request: nothing to enforce, but its client may be gone all the same. */
  function notAssessed (request: RawRequest): Rejection | undefined {
    return endsAsGone(request, { marked: true, mode: scope.mode }) ? { error: new ClientGone() } : undefined
  }
}

/** Step-ups that wait for a call of `enforce`, by the connection of their request. */
const unasked = new WeakMap<object, Set<CompletedAssessment>>()
/** At most so many per connection: where `enforce` is never called, one visitor must not fill the memory. */
const UNASKED_MAX = 100

/**
 * Publishes a step-up for which `enforce` is never called. A request does not know its response, and its own `close`
 * comes as soon as its body was read. So without the response, the end of the connection (in HTTP/2 of the stream)
 * counts.
 */
function awaitEnforcement (
  assessment: CompletedAssessment, request: RawRequest, response: RawResponse | undefined
): void {
  postpone(assessment)
  if (response !== undefined) {
    const close = (): void => publish(assessment, response.headersSent ? 'not_enforced' : 'client_gone')
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
  waiting.add(assessment)
}
