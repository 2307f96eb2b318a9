import type { IncomingMessage } from 'node:http'
import type { IpRiskApi } from '../../../types/api.ts'
import { readJson } from './body.ts'
import { openapi } from './openapi.ts'
import { bulkCheck, check, readBulk, type Reply } from './verdicts.ts'

/** What the routes use. */
interface RouteParts {
  readonly api: IpRiskApi
  /** All metrics in the text format of Prometheus. */
  metrics (): Promise<string>
}

export interface Call {
  readonly request: IncomingMessage
  /** Whether the client sent the token, or none is needed. */
  readonly authorized: boolean
  /** Aborts when the client is gone, or the service has no time left. */
  readonly gone: AbortSignal
  /** Counts further addresses of this client. Throws a `Problem` where there are too many. */
  spend (addresses: number): void
}

export interface Route {
  readonly method: 'GET' | 'POST'
  readonly path: string
  /** Answers without the token, too. */
  readonly open?: true
  handle (call: Call): Promise<Reply>
}

/** Each request counts as one address; a bulk call as many as it names. */
export function serviceRoutes ({ api, metrics }: RouteParts): readonly Route[] {
  const document = openapi()
  return [
    {
      method: 'POST',
      path: '/v1/check',
      handle: async ({ request }) => await check(api, await readJson(request))
    },
    {
      method: 'POST',
      path: '/v1/bulk-check',
      async handle ({ request, gone, spend }) {
        const asked = readBulk(await readJson(request))
        spend(asked.ips.length - 1)
        return await bulkCheck(api, asked, gone)
      }
    },
    {
      method: 'GET',
      path: '/v1/health',
      open: true,
      async handle ({ authorized }) {
        const { status, reasons } = api.health()
        return { status: 200, body: authorized ? { status, reasons } : { status } }
      }
    },
    {
      method: 'GET',
      path: '/metrics',
      handle: async () => ({ status: 200, body: await metrics() })
    },
    {
      method: 'GET',
      path: '/openapi.json',
      open: true,
      handle: async () => ({ status: 200, body: document })
    }
  ]
}
