import { randomBytes } from 'node:crypto'
/** @ts-ignore -- an optional peer: without it, these types are `any` */
import type { FastifyInstance, FastifyReply, FastifyRequest, onRequestHookHandler } from 'fastify'
import type {} from '../../types/fastify.ts'
import { badOption } from '../errors.ts'
import { checkFunction } from '../util/index.ts'
import { keepHistory } from './dashboard-history.ts'
import { dashboardPage, type Explained } from './dashboard-page.ts'
import { headersOf } from './header-lines.ts'
import { targetOf } from './target.ts'

/** The options of `ipRiskDashboard`. `authorize` is needed. */
export interface IpRiskDashboardOptions {
  /**
   * Who may see the page: it shows what the plugin knows of visitors. Called for each request; anything but `true`
   * answers 403, unless the function has sent an answer of its own, such as a 401. If it throws, the request fails.
   */
  readonly authorize: (request: FastifyRequest, reply: FastifyReply) => boolean | Promise<boolean>
  /** Where the page is. Default `/`. */
  readonly prefix?: string | undefined
}

const fixedHeaders = {
  'cache-control': 'no-store',
  'content-type': 'text/html; charset=utf-8',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY'
}

/** A form of 16,000 characters, each of which takes at most nine bytes. */
const formLimitBytes = 160_000
const form = 'application/x-www-form-urlencoded'

/**
 * A Fastify plugin: one page about this process, without an external asset. Register it after `fastify-ip-risk`. Its
 * routes are not assessed by the plugin.
 *
 * @example
 * await app.register(ipRiskDashboard, { prefix: '/ip-risk', authorize: request => isOperator(request) })
 * @throws {IpRiskError} `FST_IP_RISK_BAD_OPTION` without `authorize`.
 */
export async function ipRiskDashboard (app: FastifyInstance, options: IpRiskDashboardOptions): Promise<void> {
  const authorize = checkFunction('authorize', options.authorize)
  if (authorize === undefined) {
    throw badOption('authorize', 'is missing: give a function that says who may see the page, which shows visitors')
  }
  const target = targetOf(app.ipRisk, 'app.ipRisk')
  const history = keepHistory(target)
  app.addHook('onClose', async () => history.close())
  app.addHook('onRequest', guard(authorize))
  if (!app.hasContentTypeParser(form)) {
    app.addContentTypeParser(form, { parseAs: 'string', bodyLimit: formLimitBytes }, (_, body, done) =>
      done(null, Object.fromEntries(new URLSearchParams(String(body)))))
  }
  const route = { config: { ipRisk: false }, bodyLimit: formLimitBytes } as const

  app.get('/', route, async (_, reply) => await show(reply, { peer: '', headers: '', explanation: undefined }))
  app.post('/', route, async (request, reply) => {
    const read = readForm(request.body)
    if (typeof read === 'string') return await refuse(reply, 400, 'Bad Request', read)
    const { peer, headers } = read
    const explanation = app.ipRisk.explain({ socket: { remoteAddress: peer.trim() }, ...headersOf(headers) })
    return await show(reply, { peer, headers, explanation })
  })

  async function show (reply: FastifyReply, explained: Explained): Promise<FastifyReply> {
    const nonce = randomBytes(18).toString('base64')
    const { ipRisk } = app
    const csp = `default-src 'none'; style-src 'nonce-${nonce}'; script-src 'nonce-${nonce}'; connect-src 'self'; ` +
      "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    return await reply.headers({ ...fixedHeaders, 'content-security-policy': csp }).send(dashboardPage({
      stats: ipRisk.stats(),
      health: ipRisk.health(),
      report: ipRisk.report(),
      chart: history.chart(),
      decisions: history.decisions(),
      explained,
      at: new Date(target.engine.now()).toISOString(),
      nonce
    }))
  }
}
export default ipRiskDashboard

type Authorize = IpRiskDashboardOptions['authorize']

/**
 * Lets whoever is authorized through. An answer of `authorize` is the only one: `reply.sent` is false while hooks of
 * the application work on it, so its beginning is noticed here.
 */
function guard (authorize: Authorize): onRequestHookHandler {
  return function (request, reply, done) {
    let answered = false
    const { send, callNotFound } = reply
    reply.send = function (payload) {
      answered = true
      return send.call(this, payload)
    }
    reply.callNotFound = function () {
      answered = true
      return callNotFound.call(this)
    }
    const ask = async (): Promise<boolean> => await authorize(request, reply) === true
    ask().then(allowed => {
      if (answered || reply.sent) return
      Object.assign(reply, { send, callNotFound })
      if (allowed) done()
      else refuse(reply, 403, 'Forbidden', 'This page is for operators')
    }, (err: unknown) => {
      // Fastify takes `undefined` and `null` for success, and answers with the text of other values.
      if (!answered && !reply.sent) return done(err instanceof Error ? err : notAnError(err))
      request.log.error({ code: 'IP_RISK_AUTHORIZE_FAILED', err }, 'authorize of the dashboard failed after it had ' +
        'sent an answer: fix the function')
    })
  }
}

function notAnError (cause: unknown): Error {
  return new Error('authorize of the dashboard threw what is not an Error', { cause })
}

function refuse (reply: FastifyReply, statusCode: number, error: string, message: string): FastifyReply {
  return reply.code(statusCode).send({ statusCode, error, message })
}

/** The two texts of the form, or what is wrong with them. */
function readForm (body: unknown): string | { readonly peer: string, readonly headers: string } {
  if (body !== undefined && body !== null && (typeof body !== 'object' || Array.isArray(body))) {
    return 'the form must be an object with "peer" and "headers"'
  }
  const { peer = '', headers = '' } = (body ?? {}) as { readonly peer?: unknown, readonly headers?: unknown }
  if (typeof peer !== 'string') return '"peer" must be a string: the address of the connection'
  if (typeof headers !== 'string') return '"headers" must be a string: one header a line'
  return { peer: peer.slice(0, 60), headers: headers.slice(0, 16_000) }
}
