import type { ClientIpResolver } from '../../../types/contract.ts'
import { isAddress } from './tables.ts'
import type { RecordFormat, ReviewRecord } from './record.ts'

const columns = [
  'address', 'remote_addr', 'ident', 'user', 'time', 'method', 'path', 'protocol', 'status', 'bytes', 'referer',
  'user_agent'
]

/**
 * Access logs of nginx and Apache: "combined", "common", and "combined" with further quoted fields, of which the first
 * is X-Forwarded-For, as in nginx's format "main". Read by hand: a visitor writes most of a line, and a regular
 * expression could be made to backtrack.
 */
export function combinedFormat (sample: readonly string[], resolve: ClientIpResolver | undefined): RecordFormat {
  const extra = sample.some(line => (split(line)?.length ?? 0) > columns.length - 1)
  const names = extra ? [...columns, 'forwarded_for', 'more'] : columns
  return {
    name: 'combined',
    columns: names,
    delimiter: ',',
    quoted: false,
    header: false,
    prefersNdjson: false,
    parse (line): ReviewRecord | null {
      const fields = split(line)
      if (fields === null) return null
      const [peer, , , time, method, path, , status, , , , forwardedFor = '-'] = fields as Fields
      const address = resolve === undefined ? peer : clientOf(resolve, peer, forwardedFor)
      while (fields.length < names.length - 1) fields.push('')
      return {
        address,
        cells: [address ?? '', ...fields],
        timeMs: logTime(time),
        method,
        path,
        status: Number(status)
      }
    }
  }
}
type Fields = [string, string, string, string, string, string, string, string, string, string, string, string?]

function clientOf (resolve: ClientIpResolver, remoteAddress: string, forwardedFor: string): string | null {
  const headers = forwardedFor === '-' || forwardedFor === '' ? {} : { 'x-forwarded-for': forwardedFor }
  return resolve({ socket: { remoteAddress }, headers }).ip
}

export function isCombined (line: string): boolean {
  const fields = split(line)
  return fields !== null && (isAddress(fields[0]) || logTime(fields[3]!) !== undefined)
}

/** The fields behind `address`; null where the line is no request. */
function split (line: string): string[] | null {
  const peerEnd = line.indexOf(' ')
  const timeStart = line.indexOf(' [', peerEnd)
  const timeEnd = line.indexOf('] "', timeStart)
  if (peerEnd < 1 || timeStart < 0 || timeEnd < 0) return null
  const identity = line.slice(peerEnd + 1, timeStart)
  const identEnd = identity.indexOf(' ')
  const requestEnd = closingQuote(line, timeEnd + 3)
  if (requestEnd < 0) return null
  const request = line.slice(timeEnd + 3, requestEnd).split(' ')
  const complete = request.length === 3
  let at = line.indexOf(' "', requestEnd + 1)
  if (at < 0) at = line.length
  const [status = '', bytes = ''] = line.slice(requestEnd + 2, at).split(' ')
  if (!/^\d{3}$/.test(status)) return null
  const fields = [
    line.slice(0, peerEnd), identEnd < 0 ? identity : identity.slice(0, identEnd),
    identEnd < 0 ? '' : identity.slice(identEnd + 1), line.slice(timeStart + 2, timeEnd), complete ? request[0]! : '',
    complete ? request[1]! : request.join(' '), complete ? request[2]! : '', status, bytes
  ]
  while (fields.length < columns.length && line.startsWith(' "', at)) {
    const end = closingQuote(line, at + 2)
    if (end < 0) break
    fields.push(line.slice(at + 2, end))
    at = end + 1
  }
  while (fields.length < columns.length - 1) fields.push('')
  const more = line.slice(at).trim()
  if (more !== '') fields.push(...fields.length < columns.length ? ['', more] : [more])
  return fields
}

/** Apache writes a quote as `\"`, nginx as `\x22`. */
function closingQuote (line: string, from: number): number {
  for (let at = line.indexOf('"', from); at >= 0; at = line.indexOf('"', at + 1)) {
    let slashes = 0
    while (line[at - 1 - slashes] === '\\') slashes++
    if (slashes % 2 === 0) return at
  }
  return -1
}

const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec']
const timePattern = /^(\d\d)\/(\w{3})\/(\d{4}):(\d\d):(\d\d):(\d\d) ([+-])(\d\d)(\d\d)$/
let lastTime: { readonly text: string, readonly ms: number | undefined } = { text: '', ms: undefined }

/** `10/Oct/2026:13:55:36 -0700`. Neighbouring lines mostly have the same. */
function logTime (text: string): number | undefined {
  if (text === lastTime.text) return lastTime.ms
  const [, day, month, year, hour, minute, second, sign, zoneHours, zoneMinutes] = timePattern.exec(text) ?? []
  const index = months.indexOf(month ?? '')
  const ms = index < 0
    ? undefined
    : Date.UTC(Number(year), index, Number(day), Number(hour), Number(minute), Number(second)) -
      (sign === '-' ? -60_000 : 60_000) * (Number(zoneHours) * 60 + Number(zoneMinutes))
  lastTime = { text, ms }
  return ms
}
