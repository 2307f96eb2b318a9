import type { KnownAnswer, Provider, ProviderAnswer, UnknownAnswer } from '../../../types/contract.ts'
import { checkNumber, checkObject } from '../../util/index.ts'
import { parseIplogsBody } from '../../verdict/index.ts'
import {
  httpClient, type HttpReply, parseJson, readRemoteOptions, remoteOptionNames, type RemoteOptions
} from '../http/index.ts'
import { iplogsBulk } from './bulk.ts'

export interface IplogsOptions extends RemoteOptions {
  /** Further calls after a failed connection or a 5xx, inside the same time. Default 1. */
  readonly retries?: number
}

/**
 * IPLogs, https://iplogs.com: no key, no sign-up. Defaults: `timeoutMs` 8 000 (what its heaviest addresses take), no `limits`:
 * its documentation names none. After a 429 nobody calls until it is over, and then a part of each minute is kept for writes.
 * Its `verdict` is taken as it is, never computed from the score.
 */
export function iplogs (options: IplogsOptions = {}): Provider {
  const given = checkObject<IplogsOptions>('iplogs', options, [...remoteOptionNames, 'retries'])
  const { baseUrl, userAgent, ...settings } = readRemoteOptions('iplogs', given, {
    baseUrl: 'https://iplogs.com', timeoutMs: 8_000, limits: {}
  })
  const retries = checkNumber('iplogs.retries', given.retries, 1, { min: 0, max: 3 })
  const client = httpClient({ baseUrl, userAgent, retries, connections: settings.maxConcurrent })
  return {
    name: 'iplogs',
    ...settings,
    async lookup (ip, context) {
      return readReply(await client.send({ path: '/v1/check', json: { ip } }, context, settings), ip)
    },
    bulk: (ips, context) => iplogsBulk(client, ips, context),
    close: () => client.close()
  }
}

function readReply (reply: HttpReply | UnknownAnswer, ip: string): ProviderAnswer {
  if ('reason' in reply) return reply
  const answer: KnownAnswer | null = parseIplogsBody(parseJson(reply.text), ip)
  return answer ?? { verdict: 'unknown', reason: 'bad_response', cause: 'not a verdict on this address' }
}
