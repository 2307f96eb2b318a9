import type { Request, RequestHandler, Response, NextFunction } from 'express'
import type { IpRiskApi } from '../types/api.ts'
import type { EngineOptions, IpRisk, IpRiskLogger, RouteIpRiskOption, StepUp } from '../types/contract.ts'
import type { RoutePlan } from './route.ts'
import { createStandalone } from './standalone.ts'

declare global {
  namespace Express {
    interface Request {
      /** There behind `app.use(risk)` and behind `risk.route(…)`. */
      ipRisk?: IpRisk
    }
  }
}

export interface ExpressIpRiskOptions extends EngineOptions {
  readonly stepUp?: StepUp<Request> | undefined
  /** Where a request has no `log` of its own (pino-http gives one). Default: warnings, to standard output as pino writes them. */
  readonly log?: IpRiskLogger | undefined
}

/** `app.use(risk)` leaves `req.ipRisk` on every request as the option `unmarked` says, and never refuses one. */
export interface ExpressIpRisk extends RequestHandler {
  /**
   * Middleware for one route: judges it as the route option says (default `true`) and refuses through `next(err)`, code
   * `FST_IP_RISK_BLOCKED` (403), `FST_IP_RISK_STEP_UP` (401, with the challenge on the response), or `FST_IP_RISK_CLIENT_GONE` (499, where
   * the client has left). It belongs behind authentication, last before the handler.
   * Throws an `IpRiskError` at once when the option is wrong.
   */
  route (option?: Exclude<RouteIpRiskOption, false>): RequestHandler
  readonly api: IpRiskApi
  close (): Promise<void>
}

/** The engine as Express 5 middleware. Throws an `IpRiskError` that names the option; whoever makes it closes it. */
export function ipRisk ({ log, ...options }: ExpressIpRiskOptions = {}): ExpressIpRisk {
  const { engine, api, plan, judge, refusal } = createStandalone(options, log)
  const unmarked = plan(undefined)

  async function assess (req: Request, plan: RoutePlan): Promise<IpRisk> {
    const risk = await judge(req, plan, pattern(req))
    req.ipRisk = risk
    return risk
  }

  function annotate (req: Request, res: Response, next: NextFunction): void {
    assess(req, unmarked).then(() => { if (!res.headersSent) next() }, next)
  }

  function route (option: Exclude<RouteIpRiskOption, false> = true): RequestHandler {
    const marked = plan(option)
    return (req, res, next) => {
      assess(req, marked).then(risk => refusal(req, risk)).then(refused => {
        if (res.headersSent) return // somebody answered meanwhile: a timeout, say
        if (refused?.challenge !== undefined) res.setHeader('www-authenticate', refused.challenge)
        next(refused?.error)
      }, next)
    }
  }

  return Object.assign(annotate, { route, api, close: engine.close })
}
export default ipRisk

/** The route's own pattern; what stands before it, `req.baseUrl`, is partly what the visitor typed. */
function pattern ({ route }: Request): string | undefined {
  const path = (route as { readonly path?: unknown } | undefined)?.path
  return path === undefined ? undefined : String(path)
}
