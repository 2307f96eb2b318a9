import type { Provider, ProviderAnswer } from '../../../types/contract.ts'
import { badOption } from '../../errors.ts'
import { checkFunction, checkNumber, checkObject, checkString } from '../../util/index.ts'
import { unknownAnswer } from '../../verdict/index.ts'
import { checkFamilies, readRemoteOptions, remoteOptionNames, type RemoteOptions } from './answers.ts'
import { httpClient, type HttpRequest, parseJson } from './client.ts'

export { checkFamilies, readRemoteOptions, remoteOptionNames, type RemoteOptions, statusAnswer } from './answers.ts'
export { httpClient, type HttpClient, type HttpReply, type HttpRequest, parseJson } from './client.ts'

/** The options of `httpProvider`. */
export interface HttpProviderOptions<Body> extends RemoteOptions {
  /**
   * Part of each cache entry: whatever changes the answers (flags, a model) belongs in it. 1 to 80 ASCII characters.
   */
  readonly name: string
  /** The service: `https://host[:port][/path]`. */
  readonly baseUrl: string
  /** Address families that the service knows. Default both. */
  readonly families?: readonly (4 | 6)[]
  /** Further calls after a failed connection or a 5xx, within the same time: 0 to 3. Default 0. */
  readonly retries?: number
  /** Statuses besides 2xx that carry an answer in their body. */
  readonly alsoRead?: readonly number[]
  /** The question about one address (canonical text). */
  request (ip: string): HttpRequest
  /**
   * The answer in a reply's JSON. `Body` is a hope: nothing has checked it. null, undefined and a throw mean that it
   * was not understood (`bad_response`).
   */
  read (body: Body, ip: string): ProviderAnswer | null | undefined
}

/**
 * A provider that makes one HTTP call per address and answers from its JSON. Defaults: `timeoutMs` 5 000, no limits.
 */
export function httpProvider<Body = unknown> (options: HttpProviderOptions<Body>): Provider {
  const given = checkObject<HttpProviderOptions<Body>>('httpProvider', options,
    [...remoteOptionNames, 'name', 'families', 'retries', 'alsoRead', 'request', 'read'])
  const name = checkString('httpProvider.name', given.name, '')
  if (!/^[\x21-\x7e]{1,80}$/.test(name)) {
    throw badOption('httpProvider.name', 'must be 1 to 80 printable ASCII characters without spaces')
  }
  const request = checkFunction('httpProvider.request', given.request)
  if (request === undefined || checkFunction('httpProvider.read', given.read) === undefined) {
    throw badOption('httpProvider', 'needs the functions "request" and "read"')
  }
  const defaults = { baseUrl: '', timeoutMs: 5_000, limits: {} }
  const { baseUrl, userAgent, ...settings } = readRemoteOptions('httpProvider', given, defaults)
  const retries = checkNumber('httpProvider.retries', given.retries, 0, { min: 0, max: 3 })
  const { alsoRead } = given
  const client = httpClient({ baseUrl, userAgent, retries, connections: settings.maxConcurrent, alsoRead })

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
      const reply = await client.send(given.request(ip), context)
      return 'reason' in reply ? reply : read(reply.text, ip)
    },
    close: () => client.close()
  }
}
