import type { NextFunction, Request, RequestHandler, Response } from 'express'
import type { IpRiskApi } from '../../types/api.ts'
import type {
  EngineOptions, IpRisk, IpRiskLogger, RequestOptions, RouteIpRiskOption
} from '../../types/contract.ts'
import {
  type CompletedAssessment, outcomeOf, postpone, publish, publishClosed, rememberInternals
} from '../core/index.ts'
import { ClientGone } from '../errors.ts'
import type { RoutePolicy } from '../options/index.ts'
import { enforce } from './enforcement.ts'
import { createStandalone } from './node.ts'

declare global {
  namespace Express {
    interface Request {
      /** There behind `app.use(risk)` and behind `risk.route(…)`. */
      ipRisk?: IpRisk
    }
  }
}

/** The options of `ipRisk` for Express: those of every engine, those that get a request, and a log. */
export interface ExpressIpRiskOptions extends EngineOptions, RequestOptions<Request, Response> {
  /**
   * Where a request has no `log` of its own (pino-http gives one). Default: warnings, to standard output as pino writes
   * them.
   */
  readonly log?: IpRiskLogger | undefined
}

/**
 * `app.use(risk)` leaves `req.ipRisk` on every request as the option `unmarked` says, and never refuses one. Its
 * decision record is published when the response closes, and only if no `risk.route()` assessed the request: each has
 * one record.
 */
export interface ExpressIpRisk extends RequestHandler, IpRiskApi {
  /**
   * Middleware for one route: assesses it as the route option says (default `true`) and refuses through `next(err)`,
   * code `FST_IP_RISK_BLOCKED` (403), `FST_IP_RISK_STEP_UP` (401, with the challenge on the response), or
   * `FST_IP_RISK_CLIENT_GONE` (499, where the client has left). It belongs behind authentication, last before the
   * handler. A verdict that `app.use(risk)` found is used again. Use one `risk.route()` per request: each assesses it,
   * and has its own record. Throws an `IpRiskError` at once when the option is wrong.
   */
  route (option?: Exclude<RouteIpRiskOption, false>): RequestHandler
  /** Resolves when Redis is there, or after a second without it; lookups before that do without the shared cache. */
  ready (): Promise<void>
  /** Ends lookups in flight and closes what the engine opened. */
  close (): Promise<void>
}

/** The engine as Express 5 middleware. Throws an `IpRiskError` that names the option; whoever makes it closes it. */
export function ipRisk ({ log, ...options }: ExpressIpRiskOptions = {}): ExpressIpRisk {
  const { engine, scope, api, routePolicy, assess, latest, close } = createStandalone(options, log)
  const unmarked = routePolicy(undefined)

  async function assessAndShow (req: Request, routePolicy: RoutePolicy): Promise<CompletedAssessment> {
    const earlier = latest(req)
    const assessment = await assess(req, routePolicy, { url: pattern(req), earlier })
    if (earlier === undefined) show(req)
    return assessment
  }

  /** What was found last: a second assessment, once the account is known, replaces the first. */
  function show (req: Request): void {
    let own: IpRisk | undefined
    Object.defineProperty(req, 'ipRisk', {
      configurable: true,
      enumerable: true,
      get: () => own ?? latest(req)!.risk,
      set: (risk: IpRisk | undefined) => { own = risk }
    })
  }

  function annotate (req: Request, res: Response, next: NextFunction): void {
    if (latest(req) !== undefined) return next()
    assessAndShow(req, unmarked).then(assessment => {
      postpone(assessment)
      onceClosed(res, () => {
        // An unmarked route demands no step-up.
        if (latest(req) === assessment) publish(assessment, outcomeOf(assessment)!)
      })
      if (!res.headersSent) next()
    }, next)
  }

  function route (option: Exclude<RouteIpRiskOption, false> = true): RequestHandler {
    const marked = routePolicy(option)
    return (req, res, next) => {
      assessAndShow(req, marked).then(async assessment => {
        // Somebody may answer meanwhile: a timeout, say.
        const outcome = res.headersSent ? 'not_reached' : outcomeOf(assessment)
        if (outcome === undefined) awaitStepUp(res, assessment)
        else publish(assessment, outcome)
        return res.headersSent ? undefined : await enforce(assessment, req)
      }).then(refused => {
        if (res.headersSent) return
        if (refused?.challenge !== undefined) res.setHeader('www-authenticate', refused.challenge)
        const gone: boolean = refused?.error instanceof ClientGone
        if (refused === undefined || scope.onRejected === undefined || gone) return next(refused?.error)
        res.status(refused.error.statusCode!)
        return scope.onRejected(latest(req)!, res).then(() => { if (!res.headersSent) next(refused.error) })
      }, next)
    }
  }

  const middleware = Object.assign(annotate, { ...api, route, ready: engine.ready, close })
  return rememberInternals(middleware, { engine, scope })
}
export default ipRisk

/** While the visitor is being asked, somebody else may answer, or the client leave. */
function awaitStepUp (res: Response, assessment: CompletedAssessment): void {
  postpone(assessment)
  onceClosed(res, () => publishClosed(assessment, res.headersSent))
}

function onceClosed (res: Response, then: () => void): void {
  if (res.closed) then()
  else res.once('close', then)
}

/** The route's own pattern; what is before it, `req.baseUrl`, is partly what the visitor typed. */
function pattern ({ route }: Request): string | undefined {
  const path = (route as { readonly path?: unknown } | undefined)?.path
  return path === undefined ? undefined : String(path)
}
