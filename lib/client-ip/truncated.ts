import type { RawRequest } from '../../types/contract.ts'

/** Header lines that Node keeps while `server.maxHeadersCount` is no number (Node counts 2,000 names and values). */
const DEFAULT_MAX_LINES = 1000

/**
 * Whether Node may have dropped header lines. It does so above its limit without a word, and one of them may be the line
 * that the proxy added. HTTP/2 has another limit, and resets the stream instead.
 */
export function isTruncated ({ rawHeaders, socket, httpVersionMajor }: RawRequest): boolean {
  if (rawHeaders === undefined) return false
  const max = (socket?.server as { readonly maxHeadersCount?: unknown } | null | undefined)?.maxHeadersCount
  const limit = typeof max === 'number' ? max << 1 : DEFAULT_MAX_LINES * 2 // as Node counts: names and values
  return limit > 0 && rawHeaders.length >= limit && httpVersionMajor !== 2
}

export const truncatedWarning: string =
  'a proxy sent a request with as many header lines as Node keeps. Node drops the rest, which may include the line that ' +
  'the proxy wrote: no header of such a request is believed, and routes marked as writes answer 431. ' +
  'Set maxHeadersCount = 0 on the http.Server (its limit in bytes remains), or let the proxy refuse so many lines'
