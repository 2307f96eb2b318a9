import type { Test } from 'tap'
import type { Provider, ProviderAnswer, UnknownReason } from '../../types/contract.ts'
import type { Fault, FakeServer } from '../../lib/testing/index.ts'
import { createPipelines } from '../../lib/resilience/pipelines.ts'
import { memoryLog } from './log.ts'

export interface Speaker {
  readonly name: string
  /** A server that calls 203.0.113.9 a VPN and everything else clean. */
  readonly serve: () => Promise<FakeServer>
  /** Times out after 600 ms. */
  readonly provider: (baseUrl: string) => Provider
  /** What must not stand in logs, errors or answers. */
  readonly secrets: readonly string[]
  /** Where the protocol makes a difference. */
  readonly expected?: Readonly<Record<string, UnknownReason | 'vpn_detected'>>
}

const address = '203.0.113.9'

/** Every way of misbehaving, and what is said of it. */
const cases: readonly [string, Fault, UnknownReason | 'vpn_detected'][] = [
  ['a server that never answers', 'hang', 'timeout'],
  ['a body that drips without end', 'drip', 'timeout'],
  ['a connection cut inside the body', 'cut', 'unavailable'],
  ['a connection closed before the answer', 'reset', 'unavailable'],
  ['a body of megabytes', 'huge', 'bad_response'],
  ['a redirect', 'redirect', 'bad_response'],
  ['another redirect', { status: 308, headers: { location: 'https://example.com/' } }, 'bad_response'],
  ['a page of HTML under 200', 'html', 'bad_response'],
  ['an empty body', 'empty', 'bad_response'],
  ['a server of another protocol', 'not_http', 'bad_response'],
  ['NaN where a number belongs', 'nan', 'bad_response'],
  ['numbers as strings', 'string_numbers', 'vpn_detected'],
  ['an answer about another address', 'wrong_address', 'bad_response'],
  ['keys that stand twice', 'duplicate_keys', 'vpn_detected'],
  ['__proto__ in the body', 'proto', 'vpn_detected'],
  ['JSON that is no object', 'not_object', 'bad_response'],
  ['no content', { status: 204 }, 'bad_response'],
  ['400', { status: 400, body: 'no' }, 'rejected'],
  ['401', { status: 401 }, 'rejected'],
  ['404', { status: 404 }, 'rejected'],
  ['429', { status: 429 }, 'rate_limited'],
  ['500', { status: 500, body: '{"verdict":"clean"}' }, 'unavailable'],
  ['503', { status: 503, headers: { 'retry-after': '1' } }, 'unavailable']
]

/** What every provider that is asked over HTTP must pass, behind its guards and against a real server. */
export function providerSuite (t: Test, speaker: Speaker): void {
  t.test(`${speaker.name}: gives what the server says, and an exact reason for every way of misbehaving`, async t => {
    const server = await speaker.serve()
    t.teardown(() => server.close())
    const log = memoryLog()
    const answers: ProviderAnswer[] = []

    /** Only who waits for the timeout has a short one: this process may be busy for longer. */
    async function ask (fault: Fault | null, waits = false): Promise<ProviderAnswer> {
      const provider = speaker.provider(server.url)
      const guarded = createPipelines(waits ? provider : { ...provider, timeoutMs: 10_000 }, { log })
      server.heal()
      if (fault !== null) server.fault(fault)
      const answer = await guarded.ask(address, { write: true })
      answers.push(answer)
      await guarded.close()
      return answer
    }

    t.equal((await ask(null)).verdict, 'vpn_detected', 'a right answer')
    t.same(server.asked, [address])
    for (const [what, fault, otherwise] of cases) {
      const expected = speaker.expected?.[what] ?? otherwise
      const answer = await ask(fault, expected === 'timeout')
      t.equal(answer.verdict === 'unknown' ? answer.reason : answer.verdict, expected, what)
    }
    t.equal(({} as { polluted?: boolean }).polluted, undefined, 'no prototype was touched')
    await server.close()
    t.match(await ask(null), { verdict: 'unknown', reason: 'unavailable' }, 'nobody listens')

    const said = JSON.stringify(answers) + log.text()
    for (const secret of [...speaker.secrets, server.url, 'example.com']) t.notOk(said.includes(secret), `nothing says ${secret}`)
  })
}
