import { isIP } from 'node:net'
import { type FakeReply, type FakeServer, fakeServer } from './fake-server.ts'

/**
 * What the fake says of an address: a score 0..1, an error code -1..-6, or fields of the JSON body
 * (`{ result: '0.97', BadIP: 1 }`). An array is one answer after the other, of which the last stays: without flags,
 * GetIPIntel's first answer is not final.
 */
export type FakeGetipintelAnswer = OneAnswer | readonly OneAnswer[]
/** One answer of the fake. */
type OneAnswer = number | {
  readonly [field: string]: unknown
  /** An array is no single answer: without this, the type would take it for fields. */
  readonly [Symbol.iterator]?: never
}

/**
 * GetIPIntel on the loopback: `/check.php`, plain and JSON, with its error codes. Addresses that are not named score
 * 0.
 */
export async function fakeGetipintel (
  answers: Readonly<Record<string, FakeGetipintelAnswer>> = {}
): Promise<FakeServer> {
  const byIp = new Map(Object.entries(answers).map(([ip, answer]) => [ip, isList(answer) ? [...answer] : [answer]]))

  /** The next one; the last stays. */
  function next (ip: string): OneAnswer | undefined {
    const left = byIp.get(ip)
    return left !== undefined && left.length > 1 ? left.shift() : left?.[0]
  }

  return await fakeServer(({ url }): FakeReply => {
    if (url.pathname !== '/check.php') return { status: 404, text: 'not found', asked: [] }
    const { searchParams: query } = url
    const ip = query.get('ip') ?? ''
    const answer = errorOf(ip, query.get('contact')) ?? next(ip) ?? 0
    const asked = ip === '' ? [] : [ip]
    const fields = typeof answer === 'number' ? { result: String(answer) } : answer
    const failed = Number(fields['result']) < 0
    if (query.get('format') !== 'json') {
      const letters = failed ? [] : (query.get('oflags') ?? '').match(/[bc]/g)?.sort() ?? []
      const extra = letters.map(letter => letter === 'b' ? fields['BadIP'] ?? 0 : fields['Country'] ?? 'US')
      const text = [fields['result'], ...extra].join(',')
      return { status: failed ? 400 : 200, headers: { 'content-type': 'text/html' }, text, asked }
    }
    const body = {
      status: failed ? 'error' : 'success',
      result: '0',
      ...failed && { message: 'see the documentation' },
      queryIP: ip,
      queryFlags: query.get('flags'),
      queryOFlags: query.get('oflags'),
      queryFormat: 'json',
      contact: query.get('contact'),
      ...fields
    }
    return { status: failed ? 400 : 200, text: JSON.stringify(body), asked }
  })
}

function isList (answer: FakeGetipintelAnswer): answer is readonly OneAnswer[] {
  return Array.isArray(answer)
}

/** The real one checks its input in this order. */
function errorOf (ip: string, contact: string | null): number | null {
  if (ip === '') return -1
  if (isIP(ip) === 0) return -2
  if (/^(10\.|127\.|192\.168\.|::1$|f[cd])/.test(ip)) return -3
  return contact?.includes('@') === true ? null : -6
}
