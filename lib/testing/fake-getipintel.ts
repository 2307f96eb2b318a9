import { isIP } from 'node:net'
import { type FakeReply, type FakeServer, fakeServer } from './fake-server.ts'

/** What the fake says of an address: a score 0..1, an error code -1..-6, or fields of the JSON body (`{ result: '0.97', BadIP: 1 }`). */
export type FakeGetipintelAnswer = number | Readonly<Record<string, unknown>>

/** GetIPIntel on the loopback: `/check.php`, plain and JSON, with its error codes. Addresses that are not named score 0. */
export async function fakeGetipintel (answers: Readonly<Record<string, FakeGetipintelAnswer>> = {}): Promise<FakeServer> {
  const byIp = new Map(Object.entries(answers))
  return await fakeServer(({ url }): FakeReply => {
    if (url.pathname !== '/check.php') return { status: 404, text: 'not found', asked: [] }
    const { searchParams: query } = url
    const ip = query.get('ip') ?? ''
    const answer = errorOf(ip, query.get('contact')) ?? byIp.get(ip) ?? 0
    const asked = ip === '' ? [] : [ip]
    const fields = typeof answer === 'number' ? { result: String(answer) } : answer
    const failed = Number(fields['result']) < 0
    if (query.get('format') !== 'json') {
      const extra = (query.get('oflags') ?? '').match(/[bc]/g)?.sort().map(letter => letter === 'b' ? `,${fields['BadIP'] ?? 0}` : `,${fields['Country'] ?? 'US'}`) ?? []
      return { status: failed ? 400 : 200, headers: { 'content-type': 'text/html' }, text: `${fields['result']}${failed ? '' : extra.join('')}`, asked }
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

/** The real one checks its input in this order. */
function errorOf (ip: string, contact: string | null): number | null {
  if (ip === '') return -1
  if (isIP(ip) === 0) return -2
  if (/^(10\.|127\.|192\.168\.|::1$|f[cd])/.test(ip)) return -3
  return contact?.includes('@') === true ? null : -6
}
