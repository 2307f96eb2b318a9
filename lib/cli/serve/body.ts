import type { IncomingMessage } from 'node:http'
import { isObject, type Json } from '../../verdict/index.ts'
import { Problem } from './problem.ts'

const BODY_MAX_BYTES = 65_536
/** A body that is too large is read up to here, so that its sender sees the reply and not a broken connection. */
const DISCARD_MAX_BYTES = 1_048_576

/** The JSON object that a request carries. Rejects with a `Problem`. The server bounds the time. */
export async function readJson (request: IncomingMessage): Promise<Json> {
  // A page in a browser cannot send this type to another origin without asking first, and is never allowed to.
  const type = request.headers['content-type'] ?? ''
  if (!/^application\/json *(?:;|$)/i.test(type)) throw new Problem('unsupported_media_type')
  const bytes = await readBytes(request)
  let body: unknown
  try {
    body = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
  } catch {
    throw new Problem('invalid_json')
  }
  if (!isObject(body)) throw new Problem('invalid_json')
  return body
}

async function readBytes (request: IncomingMessage): Promise<Uint8Array> {
  if (Number(request.headers['content-length'] ?? 0) > DISCARD_MAX_BYTES) throw new Problem('body_too_large')
  const chunks: Buffer[] = []
  let size = 0
  try {
    for await (const chunk of request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
      size += chunk.length
      if (size <= BODY_MAX_BYTES) chunks.push(chunk)
      else chunks.length = 0
      if (size > DISCARD_MAX_BYTES) break
    }
  } catch {
    throw new Problem('malformed_request') // its sender is gone: nobody receives this
  }
  if (size > BODY_MAX_BYTES) throw new Problem('body_too_large')
  return Buffer.concat(chunks)
}
