import type { Provider, ProviderAnswer } from '../../../types/contract.ts'
import { badOption } from '../../errors.ts'
import { checkFunction, checkNumber, checkObject, checkString } from '../../util/index.ts'
import { unknownAnswer } from '../../verdict/index.ts'
import { checkFamilies, readRemoteOptions, remoteOptionNames, type RemoteOptions } from './answers.ts'
import { httpClient, type HttpRequest, parseJson } from './client.ts'

export interface HttpProviderOptions<Body> extends RemoteOptions {
  /** Stands in cache entries: what changes the answers (flags, a model) is part of it. */
  readonly name: string
  readonly baseUrl: string
  /** Default both. */
  readonly families?: readonly (4 | 6)[]
  /** Further calls after a failed connection or a 5xx, inside the same time. Default 0. */
  readonly retries?: number
  /** Statuses besides 2xx that carry an answer in their body. */
  readonly alsoRead?: readonly number[]
  /** What is asked about one address (canonical text). */
  request (ip: string): HttpRequest
  /**
   * The answer in a reply's JSON. `Body` is what one hopes for, nothing has checked it: null or undefined, and a throw, mean that
   * it was not understood (`bad_response`).
   */
  read (body: Body, ip: string): ProviderAnswer | null | undefined
}

/** A provider that is asked by one HTTP call and answers in JSON. Defaults: `timeoutMs` 5 000, no limits. */
export function httpProvider<Body = unknown> (options: HttpProviderOptions<Body>): Provider {
  const given = checkObject<HttpProviderOptions<Body>>('httpProvider', options,
    [...remoteOptionNames, 'name', 'families', 'retries', 'alsoRead', 'request', 'read'])
  const name = checkString('httpProvider.name', given.name, '')
  if (!/^[\x21-\x7e]{1,80}$/.test(name)) throw badOption('httpProvider.name', 'must be 1 to 80 printable ASCII characters without spaces')
  if (checkFunction('httpProvider.request', given.request) === undefined || checkFunction('httpProvider.read', given.read) === undefined) {
    throw badOption('httpProvider', 'needs the functions "request" and "read"')
  }
  const { baseUrl, userAgent, ...settings } = readRemoteOptions('httpProvider', given, { baseUrl: '', timeoutMs: 5_000, limits: {} })
  const retries = checkNumber('httpProvider.retries', given.retries, 0, { min: 0, max: 3 })
  const client = httpClient({ baseUrl, userAgent, retries, connections: settings.maxConcurrent, alsoRead: given.alsoRead })

  function read (text: string, ip: string): ProviderAnswer {
    try {
      return given.read(parseJson(text) as Body, ip) ?? unknownAnswer('bad_response', 'not understood')
    } catch (error) {
      // Only the kind: the message may quote the body.
      return unknownAnswer('bad_response', `read() failed with a ${(error as Error | null)?.name ?? 'error'}`)
    }
  }

  return {
    name,
    ...settings,
    ...given.families !== undefined && { families: checkFamilies('httpProvider.families', given.families) },
    async lookup (ip, context) {
      const reply = await client.send(given.request(ip), context, settings)
      return 'reason' in reply ? reply : read(reply.text, ip)
    },
    close: () => client.close()
  }
}
