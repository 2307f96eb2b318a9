import type { FastifyInstance, FastifyReply, FastifyRequest, RegisterOptions, RouteOptions } from 'fastify'
import type { FastifyIpRiskOptions } from '../../types/fastify.ts'
import type {} from '../../types/fastify.ts'
import { trustProxyWarning } from '../client-ip/index.ts'
import {
  assessRequest, bootLine, type CompletedAssessment, createApi, createEngine, endsAsGone, type Engine, isPostponed,
  outcomeOf, postpone, publish, publishClosed, sharesEngine, startAssessment
} from '../core/index.ts'
import { AlreadyRegistered, BadOption, ClientGone, type IpRiskError } from '../errors.ts'
import { type PluginScope, readPluginScope, readRoutePolicy, type RoutePolicy } from '../options/index.ts'
import { enforce, type Rejection, rejectionOf, warnOfRoute } from './enforcement.ts'
import {
  checkRoutes, hasRoutes, isWebSocket, keepAllHeaderLines, nameOf, type RegisteredRoute, type StepUpPlace
} from './fastify-routes.ts'
import { ownAnswer } from './own-answer.ts'
import { assessed, type Assessed, ipRiskAccessor } from './request-risk.ts'
import { type Config, lateRoute, routeConfigs, seen } from './route-config.ts'

/** What a registration leaves on its Fastify instance; child scopes inherit it. */
interface Mounted {
  readonly options: FastifyIpRiskOptions
  readonly engine: Engine
  readonly scope: PluginScope
  /** By the route's own `config` object. */
  readonly routePolicies: WeakMap<object, Read>
  /** Of all scopes together; empty once the application is ready. */
  readonly met: RegisteredRoute[]
  /** Fastify's own `trustProxy` is on, and has not been seen to differ yet. */
  comparing: boolean
  /** `stepUpWhereUnseen` is a hook of this instance. */
  readonly checksBeforeHandlers: boolean
}
/** What a route wants, read at one revision of its scope. */
interface Read { readonly revision: number, readonly routePolicy: RoutePolicy | null }
type Done = (err?: Error) => void

const mounted = Symbol('fastify-ip-risk')
const configs = routeConfigs()

const mountedOn = (app: FastifyInstance): Mounted | undefined => (app as { [mounted]?: Mounted })[mounted]

export async function registerPlugin (app: FastifyInstance, registered: FastifyIpRiskOptions): Promise<void> {
  if (typeof (app as Partial<FastifyInstance> | undefined)?.addHook !== 'function') {
    throw new BadOption('fastify-ip-risk is a plugin: write app.register(ipRisk, options) instead of ipRisk(options)')
  }
  if (Object.hasOwn(app, mounted)) throw new AlreadyRegistered()
  const parent = mountedOn(app)
  const given = withoutRegisterOptions(registered)
  const scope = readPluginScope(given, parent?.scope)
  const set = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined))
  const options = { ...parent?.options, ...set }
  const engine = parent !== undefined && sharesEngine(parent.options, given)
    ? parent.engine
    : createEngine(options, app.log)
  if (engine !== parent?.engine) {
    app.addHook('onReady', async () => {
      await engine.ready()
      const { fields, message } = bootLine(engine, scope, options)
      engine.log.info(fields, message)
    })
    // Before the server waits for requests in flight, which may wait for the provider.
    app.addHook('preClose', async () => { await engine.abort() })
    app.addHook('onClose', async () => { await engine.close() })
    if (engine.readsHeaders) keepAllHeaderLines(app)
  }
  const comparing = app.hasRequestDecorator('ips')
  if (comparing && engine !== parent?.engine) engine.log.warn({ code: 'IP_RISK_TRUST_PROXY_ON' }, trustProxyWarning)
  const met = parent?.met ?? []
  // Routes that were declared before the first registration have not met `onRoute`.
  const checksBeforeHandlers = scope.stepUp !== undefined || (parent?.checksBeforeHandlers ?? hasRoutes(app))
  const own = {
    options, engine, scope, routePolicies: new WeakMap(), met, comparing, checksBeforeHandlers
  } satisfies Mounted
  Object.defineProperty(app, mounted, { value: own })
  app.decorate('ipRisk', createApi(engine, scope, request => (request as Assessed)[assessed]))
  if (parent === undefined) {
    app.decorateRequest('ipRisk', ipRiskAccessor)
    app.addHook('onRoute', onRoute)
    app.addHook('onRequest', onRequest)
    app.addHook('onReady', async () => { checkRoutes(met.splice(0), engine.log) })
  }
  if (checksBeforeHandlers && parent?.checksBeforeHandlers !== true) app.addHook('preHandler', stepUpWhereUnseen)
}

/** Fastify hands its own options to every plugin. */
function withoutRegisterOptions (options: FastifyIpRiskOptions & RegisterOptions): FastifyIpRiskOptions {
  const { prefix, logLevel, logSerializers, ...own } = options
  return own
}

/** Checks a route's option at boot, and puts the step-up behind the route's own authentication. */
function onRoute (this: FastifyInstance, route: RouteOptions): void {
  const { engine, scope, met } = mountedOn(this)!
  const routePolicy = readRoutePolicy(`${nameOf(route)}: config.ipRisk`, route.config?.ipRisk, scope)
  if (routePolicy === null || !routePolicy.marked) return
  warnOfRoute(engine, scope, routePolicy, [route.method].flat())
  const { preHandler = [] } = route
  const place: StepUpPlace = { inChain: false, hook: stepUp, atBoot: routePolicy }
  // Without a step-up, and so without a decision that comes later, the wrapped handler is enough.
  if (scope.stepUp !== undefined || isWebSocket(route)) {
    route.preHandler = [...[preHandler].flat(), stepUp] as NonNullable<RouteOptions['preHandler']>
  }
  route.handler = unlessGone(route.handler, routePolicy)

  /** The last of the route's own `preHandler`s. If another plugin wrapped it, its first run shows that it is there. */
  function stepUp (this: FastifyInstance, request: FastifyRequest, reply: FastifyReply, done: Done): void {
    place.inChain = true
    beforeHandler(request as Assessed, reply, done)
  }
  route.config = { ...route.config, [seen]: place } as NonNullable<RouteOptions['config']>
  met.push({ options: route, routePolicy, place, hasStepUp: scope.stepUp !== undefined })
}

/**
 * The last check that somebody still waits: hooks that other plugins add behind ours may wait too. Where a plugin for
 * WebSockets calls the handler with a socket first, there is no request to look at, and our `preHandler` has had the
 * last look.
 */
function unlessGone (handler: RouteOptions['handler'], routePolicy: RoutePolicy): RouteOptions['handler'] {
  return function (request, reply) {
    const assessment = (request as Assessed)[assessed]
    const route = assessment?.context.route ?? routePolicy
    if (request.raw !== undefined && endsAsGone(request.raw, route, assessment?.address.peer)) {
      const error = new ClientGone()
      continueOrEnd(request, reply, error, () => {})
      throw error
    }
    return handler.call(this, request, reply)
  }
}

/**
 * One hook for all routes: one added by `onRoute` would miss 404s, and routes beside a `register` that is not awaited.
 */
function onRequest (this: FastifyInstance, request: FastifyRequest, reply: FastifyReply, done: Done): void {
  const config = configs.of(request)
  if (config.ipRisk === false) return done()
  const here = mountedOn(this)!
  const { engine, scope } = here
  let read = here.routePolicies.get(config)
  if (read === undefined || read.revision !== scope.revision) {
    read = { revision: scope.revision, routePolicy: lateRoute(config, scope, engine, read?.routePolicy) }
    here.routePolicies.set(config, read)
  }
  const { routePolicy } = read
  if (routePolicy === null) return done()
  const { method, id: requestId, log } = request
  const context = { scope, route: routePolicy, method, url: config.url, requestId, log }
  const assessment = assessRequest(startAssessment(engine, context, request), request.raw)
  if (assessment instanceof Promise) assessment.then(assessment => act(here, request, reply, assessment, done), done)
  else act(here, request, reply, assessment, done)
}

function act (
  here: Mounted, request: FastifyRequest, reply: FastifyReply, assessment: CompletedAssessment, done: Done
): void {
  (request as Assessed)[assessed] = assessment
  if (here.comparing) here.comparing = !here.engine.compareAddress(assessment.address, request.ip)
  const outcome = outcomeOf(assessment)
  if (outcome === undefined) awaitStepUp(reply, assessment)
  else publish(assessment, outcome)
  const ends = outcome === 'blocked' || outcome === 'client_gone'
  continueOrEnd(request, reply, ends ? rejectionOf(assessment, request.raw) : undefined, done)
}

/** Continues, or ends the request with the error. Hooks see a client that is gone, but it must not fill the log. */
function continueOrEnd (
  request: FastifyRequest, reply: FastifyReply, error: IpRiskError | undefined, done: Done
): void {
  if (error === undefined) return done()
  if (!(error instanceof ClientGone)) return reject(request, reply, error, done)
  const { log, raw } = reply
  const atDebug = (level: 'info' | 'error') => (fields: { err?: unknown }, ...rest: []): void => {
    log[fields?.err === error ? 'debug' : level](fields, ...rest)
  }
  reply.log = Object.assign(Object.create(log), { info: atDebug('info'), error: atDebug('error') })
  reply.code(error.statusCode!) // for onResponse hooks, should an error handler take its time
  done(error)
  // Node never emits `finish` once the socket is closed, and Fastify would never run its onResponse hooks: they listen
  // for `error` too.
  setImmediate(() => { if (request.raw.socket?.destroyed && raw.listenerCount('error') > 0) raw.emit('error', error) })
}

/** By `onRejected`, where that sends an answer. */
function reject (request: Assessed, reply: FastifyReply, error: IpRiskError, done: Done): void {
  const { onRejected } = mountedOn(request.server)!.scope
  const assessment = request[assessed]
  if (onRejected === undefined || assessment === undefined) return done(error)
  reply.code(error.statusCode!)
  ownAnswer(onRejected, assessment, reply, () => done(error))
}

/** Another hook may answer, or the client leave, before the step-up is reached. A listener for these requests alone. */
function awaitStepUp (reply: FastifyReply, assessment: CompletedAssessment): void {
  postpone(assessment)
  reply.raw.on('close', () => publishClosed(assessment, reply.sent || reply.raw.headersSent))
}

/** The application's own hooks may have waited, and the client may have left meanwhile. */
function beforeHandler (request: Assessed, reply: FastifyReply, done: Done): void {
  const assessment = request[assessed]
  if (assessment === undefined) return done()
  if (!isPostponed(assessment)) {
    const isGone = endsAsGone(request.raw, assessment.context.route)
    return isGone ? continueOrEnd(request, reply, new ClientGone(), done) : done()
  }
  const refused = enforce(assessment, request.raw)
  if (refused instanceof Promise) refused.then(refused => answer(request, reply, refused, done))
  else answer(request, reply, refused, done)
}

function answer (request: Assessed, reply: FastifyReply, refused: Rejection | undefined, done: Done): void {
  if (refused?.challenge === undefined) return continueOrEnd(request, reply, refused?.error, done)
  reply.header('www-authenticate', refused.challenge) // before the error, so that it survives custom error handlers
  reject(request, reply, refused.error, done)
}

/** Runs before the route's own `preHandler`s, which is the latest place for a hook that is not one of them. */
function stepUpWhereUnseen (request: FastifyRequest, reply: FastifyReply, done: Done): void {
  const assessment = (request as Assessed)[assessed]
  if (assessment === undefined) return done()
  if (isPostponed(assessment) && (configs.of(request) as Config)[seen]?.inChain === true) return done()
  beforeHandler(request as Assessed, reply, done)
}
