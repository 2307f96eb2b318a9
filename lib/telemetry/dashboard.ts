import { randomBytes } from 'node:crypto'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type {} from '../../types/fastify.ts'
import { badOption } from '../errors.ts'
import { checkFunction } from '../util/index.ts'
import { keepHistory } from './dashboard-history.ts'
import { dashboardPage, type Explained } from './dashboard-page.ts'
import { headersOf } from './header-lines.ts'
import { targetOf } from './target.ts'

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

const formLimitBytes = 32_768
const form = 'application/x-www-form-urlencoded'

/**
 * A Fastify plugin: one page about this process, without an external asset. Register it after `fastify-ip-risk`. Its
 * routes are not judged by the plugin.
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
  app.addHook('onRequest', async (request, reply) => {
    if (await authorize(request, reply) === true || reply.sent) return
    return await reply.code(403).send({ statusCode: 403, error: 'Forbidden', message: 'This page is for operators' })
  })
  if (!app.hasContentTypeParser(form)) {
    app.addContentTypeParser(form, { parseAs: 'string', bodyLimit: formLimitBytes }, (_, body, done) =>
      done(null, Object.fromEntries(new URLSearchParams(String(body)))))
  }
  const route = { config: { ipRisk: false }, bodyLimit: formLimitBytes } as const

  app.get('/', route, async (_, reply) => await show(reply, { peer: '', headers: '', explanation: undefined }))
  app.post('/', route, async (request, reply) => {
    const { peer = '', headers = '' } = (request.body ?? {}) as { readonly peer?: unknown, readonly headers?: unknown }
    const [peerText, headerText] = [String(peer).slice(0, 60), String(headers).slice(0, 16_000)]
    const explanation = app.ipRisk.explain({ socket: { remoteAddress: peerText.trim() }, ...headersOf(headerText) })
    return await show(reply, { peer: peerText, headers: headerText, explanation })
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
