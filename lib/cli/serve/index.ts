import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import type { IpRiskEngine } from '../../../types/api.ts'
import type { Provider } from '../../../types/contract.ts'
import { createIpRisk } from '../../frameworks/node.ts'
import { scopeOf } from '../../ip/index.ts'
import { lists } from '../../providers/lists/index.ts'
import { mmdb } from '../../providers/mmdb/index.ts'
import { ipRiskMetrics } from '../../telemetry/prometheus.ts'
import { waitAtMost } from '../../util/index.ts'
import { type Command, command, EXIT, UsageError } from '../command.ts'
import type { Io } from '../io.ts'
import { chosenProvider, DEFAULT_TIMEOUT_MS, type ProviderChoice, providerOptions, stderrLog } from '../provider.ts'
import { jsonOf } from '../settings.ts'
import { peerRate, readKeySecret, readToken, tokenCheck } from './access.ts'
import { serviceRoutes } from './routes.ts'
import { createService, type Service } from './server.ts'

const DEFAULT_PORT = 8765
const DEFAULT_RATE = 6_000
const DEFAULT_DRAIN_MS = 10_000
/** When the lookups of requests in flight were ended, their replies have so long. */
const LAST_MS = 2_000

export const serve: Command = command({
  usage: '[options]',
  about: 'Answers other programs over HTTP in the shape of IPLogs: POST /v1/check, POST /v1/bulk-check and ' +
    'GET /v1/health; also GET /metrics and GET /openapi.json.',
  options: {
    host: { value: 'HOST', help: 'address to listen on; default 127.0.0.1' },
    port: { value: 'N', integer: [0, 65_535], help: `default ${DEFAULT_PORT}; 0: any free one` },
    'token-file': { value: 'FILE', help: 'holds the token of clients; needed off the loopback' },
    rate: { value: 'N', integer: [100, 10_000_000], help: `addresses a minute of a client; default ${DEFAULT_RATE}` },
    policy: { value: 'FILE', help: 'JSON with the plugin\'s policy option' },
    'drain-ms': { value: 'N', integer: [0, 600_000], help: `for what is in flight; default ${DEFAULT_DRAIN_MS}` },
    'key-prefix': { value: 'TEXT', help: 'cache.keyPrefix of the application' },
    'key-secret-file': { value: 'FILE', help: 'file with cache.keySecret of the application' },
    ...providerOptions
  },
  notes: 'SIGTERM and Ctrl-C: it answers what it has begun, for at most --drain-ms and two seconds, and exits with 0.',
  async run ({ values, positionals }, io) {
    if (positionals.length > 0) throw new UsageError('serve takes options only')
    const { host = '127.0.0.1', port = DEFAULT_PORT, redis, policy, rate = DEFAULT_RATE } = values
    const tokenFile = values['token-file']
    const token = tokenFile === undefined ? undefined : readToken(tokenFile)
    if (token === undefined && !isLoopback(host)) {
      throw new UsageError(`--host ${host} is not the loopback, so others reach the service: add --token-file FILE`)
    }
    const secretFile = values['key-secret-file']
    const provider = lastingProvider(values, io)
    const ipRisk = createIpRisk({
      provider,
      timeoutMs: values['timeout-ms'] ?? DEFAULT_TIMEOUT_MS,
      log: stderrLog(io),
      ...redis !== undefined && { redis },
      ...policy !== undefined && { policy: await jsonOf('--policy', policy) as object },
      cache: {
        ...values['key-prefix'] !== undefined && { keyPrefix: values['key-prefix'] },
        ...secretFile !== undefined && { keySecret: readKeySecret(secretFile) }
      }
    })
    try {
      const interrupted = io.interrupted()
      const service = serviceOf(ipRisk, { rate, token, host, io })
      await ipRisk.ready()
      service.server.listen({ port, host })
      await once(service.server, 'listening')
      io.err(`ip-risk: listening on ${urlOf(service.server.address() as AddressInfo)}, provider ${provider.name}` +
        (token === undefined ? ', without a token' : ''))
      if (!interrupted.aborted) await once(interrupted, 'abort')
      io.err('ip-risk: stopping')
      await stop(service, ipRisk, values['drain-ms'] ?? DEFAULT_DRAIN_MS)
      return EXIT.ok
    } finally {
      await ipRisk.close()
    }
  }
})

/** As `chosenProvider`, but files are loaded anew when they change. */
function lastingProvider (values: ProviderChoice, io: Io): Provider {
  const { provider = 'lists' } = values
  const once = provider === 'lists' || provider.startsWith('mmdb:')
  if (!once) return chosenProvider(values, io)
  if (values.flags !== undefined || values.oflags !== undefined) return chosenProvider(values, io)
  if (provider === 'lists') return lists()
  return provider === 'mmdb:' ? chosenProvider(values, io) : mmdb({ path: provider.slice(5) })
}

function serviceOf (
  api: IpRiskEngine, { rate, token, host, io }: {
    readonly rate: number, readonly token: string | undefined, readonly host: string, readonly io: Io
  }
): Service {
  const engineMetrics = ipRiskMetrics(api)
  const service: Service = createService({
    routes: serviceRoutes({ api, metrics: async () => await engineMetrics.text() + repliesText(service) }),
    rate: peerRate(rate, Date.now),
    isAuthorized: tokenCheck(token),
    onlyHost: token === undefined ? host : undefined,
    onError: error => io.err(`ip-risk: a request failed: ${(error as Error)?.name ?? typeof error}`)
  })
  return service
}

function repliesText ({ replies }: Service): string {
  const rows = [...replies].map(([labels, count]) => `fastify_ip_risk_serve_replies_total{${labels}} ${count}\n`)
  return '# HELP fastify_ip_risk_serve_replies_total Replies of this service by route and status\n' +
    `# TYPE fastify_ip_risk_serve_replies_total counter\n${rows.join('')}`
}

/** Whatever clients do, this ends. */
async function stop (service: Service, ipRisk: IpRiskEngine, drainMs: number): Promise<void> {
  const stopped = service.stop()
  const late = (): void => {}
  await waitAtMost(stopped, drainMs, late)
  service.hurry()
  await ipRisk.close() // lookups in flight end as unknown, and their requests are answered
  await waitAtMost(stopped, LAST_MS, late)
  service.server.closeAllConnections()
  await stopped
}

function isLoopback (host: string): boolean {
  return host === 'localhost' || scopeOf(host) === 'loopback'
}

function urlOf ({ address, family, port }: AddressInfo): string {
  return `http://${family === 'IPv6' ? `[${address}]` : address}:${port}`
}
