import type { Server } from 'node:http'
import type { FastifyInstance, RouteOptions } from 'fastify'
import type { IpRiskLogger } from '../../types/contract.ts'
import { isSafeMethod, type RoutePolicy } from '../options/index.ts'

/** Whether an application has routes, also while it boots. */
export function hasRoutes (app: FastifyInstance): boolean {
  return app.printRoutes() !== '(empty tree)'
}

/** As `@fastify/websocket` marks a route. */
export function isWebSocket (route: RouteOptions): boolean {
  const { websocket, wsHandler } = route as { readonly websocket?: unknown, readonly wsHandler?: unknown }
  return websocket === true || wsHandler !== undefined
}

/** Whether the step-up of a route is among its own preHandlers: false until that is certain. */
export interface StepUpPlace { inChain: boolean, readonly hook: unknown, readonly atBoot: RoutePolicy }

/**
 * A marked route that our `onRoute` hook met. Hooks of other plugins may change the same options until the application
 * is ready.
 */
export interface RegisteredRoute {
  readonly options: RouteOptions
  readonly routePolicy: RoutePolicy
  readonly place: StepUpPlace
  readonly hasStepUp: boolean
}

/** For `onReady`: looks at what the routes have become, and logs one line for each kind of doubt. */
export function checkRoutes (routes: readonly RegisteredRoute[], log: IpRiskLogger): void {
  for (const { options, place } of routes) place.inChain = [options.preHandler].flat().includes(place.hook as never)
  const named = (doubtful: (route: RegisteredRoute) => boolean): string[] =>
    routes.filter(doubtful).map(({ options }) => nameOf(options))

  const unmarked = named(({ options }) => options.config?.ipRisk === undefined)
  if (unmarked.length > 0) {
    log.error({ code: 'IP_RISK_ROUTE_CONFIG_LOST', routes: unmarked }, 'another plugin\'s onRoute hook replaced the ' +
      'config of these routes, so they are not marked any more: let it keep what is there, { ...route.config }, or ' +
      'register it before fastify-ip-risk')
  }
  const lost = named(({ place, hasStepUp, routePolicy }) => hasStepUp &&
    (routePolicy.mode === 'enforce' || routePolicy.share !== undefined) && !place.inChain)
  if (lost.length > 0) {
    log.warn({ code: 'IP_RISK_STEP_UP_HOOK_LOST', routes: lost }, 'another plugin\'s onRoute hook replaced or ' +
      'wrapped the preHandlers of these routes: the step-up is enforced before them, and so perhaps before ' +
      'authentication. Register that plugin before fastify-ip-risk, or let it keep the preHandlers that are there')
  }
  for (const code of methodDoubts) {
    const routes = named(({ options, routePolicy }) =>
      methodDoubt(routePolicy, options.config?.ipRisk, [options.method].flat()) === code)
    if (routes.length > 0) warnOfMethods(code, routes, log)
  }
}

const methodDoubts = ['IP_RISK_ROUTE_METHODS_MIXED', 'IP_RISK_ROUTE_READ_JUDGED_AS_WRITE'] as const
type MethodDoubt = typeof methodDoubts[number]

/**
 * What is probably not meant. `write`, written out, says what is meant. A HEAD route of its own is the one that Fastify
 * adds to a GET.
 */
export function methodDoubt (
  { marked, action, write }: RoutePolicy, option: unknown, methods: readonly string[]
): MethodDoubt | undefined {
  const safe = methods.filter(isSafeMethod).length
  if (!marked || safe === 0 || String(methods) === 'HEAD') return undefined
  if (safe < methods.length) return write === undefined ? 'IP_RISK_ROUTE_METHODS_MIXED' : undefined
  const writtenOut = typeof option === 'object' && option !== null && 'write' in option && option.write !== undefined
  return action !== null && write === true && !writtenOut ? 'IP_RISK_ROUTE_READ_JUDGED_AS_WRITE' : undefined
}

export function warnOfMethods (code: MethodDoubt, routes: readonly string[], log: IpRiskLogger): void {
  log.warn({ code, routes }, code === 'IP_RISK_ROUTE_METHODS_MIXED'
    ? 'these routes have one handler for safe and unsafe methods and no action: GET, HEAD, OPTIONS and TRACE are ' +
      'judged as reads, which the default policy never stops. Name an action or set write: true where the handler ' +
      'changes something whatever the method, else write: false'
    : 'these routes accept safe methods only and have a write action, so links, prefetching and crawlers can be ' +
      'blocked. Set write: true if that is meant, else write: false or a read action')
}

export function nameOf (
  { method, url }: { readonly method: string | readonly string[], readonly url?: string | undefined }
): string {
  return `${String(method)} ${url ?? '(not found)'}`
}

/**
 * Lets Node keep every header line of the application's requests, so that none that a proxy wrote is dropped;
 * `maxHeaderSize` still bounds them. A limit that the operator has set stays. Where this cannot be done, the resolver
 * sees that lines may be missing.
 */
export function keepAllHeaderLines (app: FastifyInstance): void {
  keepAll(app.server)
  app.addHook('onListen', async () => { secondaryServers(app).forEach(keepAll) })
}

/**
 * Only before the first connection: each keeps the limit it was opened under, and its requests are measured by the
 * server's.
 */
function keepAll (server: Server): void {
  if (typeof server.getConnections !== 'function') return
  server.getConnections((err, connections) => {
    if (err === null && connections === 0 && typeof server.maxHeadersCount !== 'number') server.maxHeadersCount = 0
  })
}

/**
 * The servers that Fastify opens beside `app.server` where a host name has several addresses: no public API has them.
 */
function secondaryServers (app: object): readonly Server[] {
  for (let owner: object | null = app; owner !== null; owner = Object.getPrototypeOf(owner)) {
    const symbol = Object.getOwnPropertySymbols(owner).find(({ description }) =>
      description === 'fastify.serverBindings')
    if (symbol !== undefined) return (owner as { [symbol]: readonly Server[] })[symbol]!
  }
  return []
}
