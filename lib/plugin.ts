import type { FastifyInstance, FastifyReply, FastifyRequest, RouteOptions } from 'fastify'
import type {} from '../types/fastify.ts'
import type { FastifyIpRiskOptions, IpRisk } from '../types/contract.ts'
import { createApi } from './api.ts'
import { assess } from './assess.ts'
import { createEngine, type Engine, sharesEngine } from './engine.ts'
import { AlreadyRegistered, Blocked, StepUpRequired } from './errors.ts'
import { canStepUp } from './policy/policy.ts'
import { readRoute, type RoutePlan } from './route.ts'
import { readScope, type Scope } from './scope.ts'

/** What a registration leaves on its Fastify instance; child scopes inherit it. */
interface Mounted {
  readonly options: FastifyIpRiskOptions
  readonly engine: Engine
  readonly scope: Scope
  /** By the route's own `config` object. */
  readonly plans: WeakMap<object, RoutePlan | null>
}
type Done = (err?: Error) => void
type Config = FastifyRequest['routeOptions']['config'] & { readonly [seen]?: true }

const mounted = Symbol('fastify-ip-risk')
/** On the config of a route that our `onRoute` hook met: its step-up stands behind its own `preHandler`s. */
const seen = Symbol('fastify-ip-risk.seen')

const mountedOn = (app: FastifyInstance): Mounted | undefined => (app as { [mounted]?: Mounted })[mounted]

export async function mount (app: FastifyInstance, options: FastifyIpRiskOptions): Promise<void> {
  if (Object.hasOwn(app, mounted)) throw new AlreadyRegistered()
  const parent = mountedOn(app)
  const scope = readScope(options, parent?.scope)
  const merged = { ...parent?.options, ...options }
  const engine = parent !== undefined && sharesEngine(parent.options, options) ? parent.engine : createEngine(merged, app.log)
  Object.defineProperty(app, mounted, { value: { options: merged, engine, scope, plans: new WeakMap() } satisfies Mounted })
  app.decorate('ipRisk', createApi(engine, scope))
  if (engine !== parent?.engine) {
    app.addHook('onReady', async () => { await engine.ready() })
    app.addHook('onClose', async () => { await engine.close() })
  }
  if (parent === undefined) {
    app.decorateRequest('ipRisk', null)
    app.addHook('onRoute', onRoute)
    app.addHook('onRequest', onRequest)
    app.addHook('preHandler', stepUpWhereUnseen)
  }
}

/** Checks a route's option at boot, and puts the step-up behind the route's own authentication. */
function onRoute (this: FastifyInstance, route: RouteOptions): void {
  const { engine, scope } = mountedOn(this)!
  const plan = readRoute(routeName(route.method, route.url), route.config?.ipRisk, scope)
  if (plan === null || !plan.marked) return
  if (scope.stepUp === undefined && plan.mode === 'enforce' && canStepUp(plan.policy)) sayStepUpIsMissing(engine)
  const { preHandler = [] } = route
  route.preHandler = [...(Array.isArray(preHandler) ? preHandler : [preHandler]), stepUp] as NonNullable<RouteOptions['preHandler']>
  route.config = { ...route.config, [seen]: true } as NonNullable<RouteOptions['config']>
}

/** One hook for all routes: one added by `onRoute` would miss those declared beside an un-awaited `register`, and 404s. */
function onRequest (request: FastifyRequest, _reply: FastifyReply, done: Done): void {
  const { engine, scope, plans } = mountedOn(request.server)!
  const config = request.routeOptions.config
  let plan = plans.get(config)
  if (plan === undefined) plans.set(config, plan = lateRoute(config, scope, engine))
  if (plan === null) return done()
  const { method } = request
  const risk = assess(engine, engine.resolve(request.raw), { scope, plan, method, url: config.url })
  if (risk instanceof Promise) risk.then(risk => act(engine, request, risk, done), done)
  else act(engine, request, risk, done)
}

function act (engine: Engine, request: FastifyRequest, risk: IpRisk, done: Done): void {
  request.ipRisk = risk
  engine.count(risk)
  if (risk.enforced && risk.decision === 'block') done(new Blocked())
  else done()
}

/** Routes that `onRoute` met are checked already. One that it missed must not fail for visitors: it is judged by the scope's policy. */
function lateRoute (config: Config, scope: Scope, engine: Engine): RoutePlan | null {
  const name = routeName(config.method, config.url)
  try {
    return readRoute(name, config.ipRisk, scope)
  } catch (err) {
    engine.log.error({ err }, 'a route has a wrong "config.ipRisk" and is judged as if it were "true"; ' +
      'await the registration of fastify-ip-risk before routes are declared, so that such a mistake fails at boot')
    return readRoute(name, true, scope)
  }
}

function stepUp (request: FastifyRequest, reply: FastifyReply, done: Done): void {
  const risk = request.ipRisk
  if (risk === null || !risk.enforced || risk.decision !== 'step_up_auth') return done()
  const { engine, scope } = mountedOn(request.server)!
  const { isSatisfied, challenge } = scope.stepUp!
  const settle = (satisfied: unknown): void => {
    if (satisfied === true) return done()
    reply.header('www-authenticate', challenge)
    done(new StepUpRequired())
  }
  new Promise(resolve => resolve(isSatisfied(request))).then(settle, err => {
    engine.log.error({ err }, 'stepUp.isSatisfied failed, which counts as "no"')
    settle(false)
  })
}

function stepUpWhereUnseen (request: FastifyRequest, reply: FastifyReply, done: Done): void {
  if (request.ipRisk?.decision !== 'step_up_auth' || (request.routeOptions.config as Config)[seen]) return done()
  stepUp(request, reply, done)
}

const told = new WeakSet<Engine>()

function sayStepUpIsMissing (engine: Engine): void {
  if (told.has(engine)) return
  told.add(engine)
  engine.log.warn({}, 'the policy can decide "step_up_auth", which is told and not enforced: give the plugin option "stepUp"')
}

function routeName (method: string | string[], url: string | undefined): string {
  return `${String(method)} ${url ?? '(not found)'}: config.ipRisk`
}
