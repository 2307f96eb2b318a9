import type { ClientIpResolver } from '../../../types/contract.ts'
import { UsageError } from '../command.ts'
import { type FormatName, fromUtf8, type JsonObject, type RecordFormat, type ReviewRecord, toUtf8 } from './record.ts'
import { addressNames, type ColumnChoice, isAddress, timeOf } from './tables.ts'

type Facts = Omit<ReviewRecord, 'cells' | 'json'>

export function isObject (value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** The object of a line, or null. Texts in it are UTF-8 read as Latin-1. */
export function objectOf (line: string): JsonObject | null {
  try {
    const value: unknown = JSON.parse(line)
    return isObject(value) ? value : null
  } catch {
    return null
  }
}

/** One JSON object in each line. */
export function jsonFormat (
  name: FormatName, sample: readonly string[], facts: (object: JsonObject) => Facts | null
): RecordFormat {
  const objects = sample.map(objectOf).filter(object => object !== null && facts(object) !== null)
  // Later objects may have other members: a CSV output keeps them, as JSON, in the last column.
  const names = [...new Set(objects.flatMap(object => Object.keys(object!)))]
  const known = new Set(names)
  const columns = [...names.map(toUtf8), 'more']
  return {
    name,
    columns,
    delimiter: ',',
    quoted: false,
    header: false,
    prefersNdjson: true,
    parse (line): ReviewRecord | null {
      const object = line === '' ? null : objectOf(line)
      const found = object === null ? null : facts(object)
      if (found === null) return null
      return {
        ...found,
        json: { line, object: object! },
        get cells () {
          const rest = Object.entries(object!).filter(([key]) => !known.has(key))
          const more = rest.length === 0 ? '' : JSON.stringify(Object.fromEntries(rest))
          return [...names.map(key => cellOf(object![key])), more]
        }
      }
    }
  }
}

function cellOf (value: unknown): string {
  return value === undefined || value === null ? '' : typeof value === 'object' ? JSON.stringify(value) : String(value)
}

/** The member that has the address is named by a path such as `request.ip`, or found in the first objects. */
export function ndjsonFacts (
  sample: readonly string[], { column, actionColumn }: ColumnChoice
): (object: JsonObject) => Facts {
  const objects = sample.map(objectOf).filter(object => object !== null)
  const path = column === undefined ? addressPath(objects) : fromUtf8(column).split('.')
  if (path === undefined) {
    throw new UsageError('no member with addresses: name it with --column, for example --column request.ip')
  }
  const actionPath = actionColumn?.split('.')
  return object => {
    const address = at(object, path)
    const action = actionPath === undefined ? undefined : at(object, actionPath)
    return {
      address: typeof address === 'string' ? address.trim() : null,
      timeMs: timeOf(object['time'] ?? object['timestamp'] ?? object['ts'] ?? object['created_at'] ?? object['date']),
      method: textOf(object['method']),
      path: textOf(object['path'] ?? object['url']),
      action: textOf(action)
    }
  }
}

function addressPath (objects: readonly JsonObject[]): string[] | undefined {
  for (const object of objects) {
    const paths = Object.entries(object).flatMap(([key, inner]) => (
      isObject(inner) ? Object.keys(inner).map(innerKey => [key, innerKey]) : [[key]]
    ))
    const withAddress = paths.filter(path => isAddress(at(object, path)))
    const rank = (path: readonly string[]): number => (addressNames.indexOf(path.at(-1)!.toLowerCase()) + 100) % 100
    if (withAddress.length > 0) return withAddress.reduce((best, path) => rank(path) < rank(best) ? path : best)
  }
  return undefined
}

function at (object: JsonObject, path: readonly string[]): unknown {
  return path.reduce<unknown>((value, key) => isObject(value) ? value[key] : undefined, object)
}

function textOf (value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined
}

/** Caddy's access log. Its `client_ip` follows Caddy's `trusted_proxies`; rules of ours replace them. */
export function caddyFacts (resolve: ClientIpResolver | undefined): (object: JsonObject) => Facts | null {
  return ({ request, ts, status }) => {
    if (!isObject(request) || typeof request['remote_ip'] !== 'string') return null
    const { remote_ip: peer, client_ip: client, method, uri, headers } = request
    return {
      address: resolve === undefined ? textOf(client) ?? peer : clientOf(resolve, peer, headers),
      timeMs: timeOf(ts),
      method: textOf(method),
      path: textOf(uri),
      status: typeof status === 'number' ? status : undefined
    }
  }
}

/** Fastify's "incoming request". The line of the response names no address, and is left out. */
export function fastifyFacts (resolve: ClientIpResolver | undefined): (object: JsonObject) => Facts | null {
  return ({ req, res, time }) => {
    if (!isObject(req)) return null
    const peer = req['remoteAddress'] ?? req['ip']
    if (typeof peer !== 'string') return null
    return {
      address: resolve === undefined ? peer : clientOf(resolve, peer, req['headers']),
      timeMs: timeOf(time),
      method: textOf(req['method']),
      path: textOf(req['url']),
      status: isObject(res) && typeof res['statusCode'] === 'number' ? res['statusCode'] : undefined
    }
  }
}

function clientOf (resolve: ClientIpResolver, remoteAddress: string, headers: unknown): string | null {
  const entries = isObject(headers) ? Object.entries(headers) : []
  // Several lines of one header are joined, as Node does.
  const joined = entries.map(([name, value]) => (
    [name.toLowerCase(), Array.isArray(value) ? value.join(', ') : String(value)] as const
  ))
  return resolve({ socket: { remoteAddress }, headers: Object.fromEntries(joined) }).ip
}
