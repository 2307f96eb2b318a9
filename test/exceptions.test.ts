import t from 'tap'
import { createExceptions, type ExceptionEntry, readNetwork } from '../lib/policy/exceptions.ts'
import { memoryLog } from './support/log.ts'

const entry = (effect: 'allow' | 'deny', network: string, reason: string | null = null): ExceptionEntry =>
  ({ effect, reason, author: 'ada', ...readNetwork(network) })

function allowedAt (startMs: number) {
  let nowMs = startMs
  const log = memoryLog()
  const allowed = createExceptions(ip => [`id of ${ip}`, `old id of ${ip}`], () => nowMs, log)
  return { allowed, log, wait: (ms: number) => { nowMs += ms } }
}

t.test('what allow() let pass ends with its time', async t => {
  const { allowed, wait } = allowedAt(0)
  t.equal(allowed.isAllowed('192.0.2.1'), false)
  t.match(allowed.make(entry('allow', '192.0.2.1'), 1000), { id: 'id of 192.0.2.1', issuedMs: 0, untilMs: 1000 })
  t.equal(allowed.isAllowed('192.0.2.1'), true)
  t.equal(allowed.isAllowed('192.0.2.2'), false)
  wait(1000)
  t.equal(allowed.isAllowed('192.0.2.1'), false)
})

t.test('of what processes said about an address the last one counts, in whichever order it arrives and by whichever clock', async t => {
  const { allowed } = allowedAt(1000)
  allowed.learn({ id: 'old id of 192.0.2.1', issuedMs: 5000, untilMs: 0 }, 60_000) // from a clock that is ahead
  t.equal(allowed.isAllowed('192.0.2.1'), true)
  const [, revoked] = allowed.revokeNow('192.0.2.1')
  t.match(revoked, { id: 'old id of 192.0.2.1', issuedMs: 5001 })
  t.equal(allowed.isAllowed('192.0.2.1'), false)
  allowed.learn({ id: 'old id of 192.0.2.1', issuedMs: 5000, untilMs: 0 }, 60_000)
  t.equal(allowed.isAllowed('192.0.2.1'), false, 'repeated')
  t.equal(allowed.revoke('old id of 192.0.2.1', 5001), false, 'known already')
  allowed.learn({ id: 'old id of 192.0.2.1', issuedMs: 5002, untilMs: 0 }, 60_000)
  t.equal(allowed.revoke('old id of 192.0.2.1', 4000), true, 'another one, of a clock that is behind')
  t.equal(allowed.isAllowed('192.0.2.1'), true, 'it ends no later allow')
  t.ok(allowed.make(entry('allow', '192.0.2.1'), 1).issuedMs >= 1000)
})

t.test('allows are bounded in number and in time, and those that end soonest go first', async t => {
  const { allowed, log, wait } = allowedAt(0)
  allowed.learn({ id: 'id of 192.0.2.1', issuedMs: 0, untilMs: 0 }, 1e300)
  allowed.learn({ id: 'id of 192.0.2.2', issuedMs: 0, untilMs: 0 }, NaN)
  for (let i = 0; i < 9_999; i++) allowed.learn({ id: `over ${i}`, issuedMs: 0, untilMs: 0 }, 10)
  wait(10)
  allowed.learn({ id: 'id of 192.0.2.3', issuedMs: 10, untilMs: 0 }, 1)
  t.strictSame(log.messages, [], 'what is over takes no room')
  for (let i = 0; i < 30_000; i++) allowed.learn({ id: `id of ${i}`, issuedMs: 10, untilMs: 0 }, 1000 + i)
  t.strictSame(['192.0.2.1', '192.0.2.2', '192.0.2.3', '0', '29999'].map(allowed.isAllowed), [true, false, false, false, true])
  const kept = Array.from({ length: 30_000 }, (_, i) => i).filter(i => allowed.isAllowed(String(i))).length
  t.ok(kept >= 8_000 && kept <= 10_000)
  t.match(log.messages, [/warn: allow\(\) lets more than 10000/])
  wait(31_536_000_000)
  t.equal(allowed.isAllowed('192.0.2.1'), false)
  for (let i = 0; i < 20_000; i++) allowed.revoke(`any ${i}`, 10)
  t.equal(allowed.revoke('any 19999', 10), false)
  t.equal(allowed.revoke('any 0', 10), true, 'the oldest revocations are forgotten')
})

t.test('networks are met by the addresses in them, what allows wins, and each ends by itself', async t => {
  const { allowed, wait } = allowedAt(0)
  const state = (...ips: string[]): string => ips.map(ip => allowed.isAllowed(ip) ? 'a' : allowed.of(ip) === 'deny' ? 'd' : '-').join('')
  allowed.make(entry('deny', '198.51.100.0/24'), 1000)
  allowed.make(entry('allow', '198.51.100.128/25'), 2000)
  allowed.make(entry('deny', '2001:db8::/32'), 3000)
  allowed.make(entry('deny', '203.0.113.9'), 4000)
  const ips = ['198.51.100.1', '198.51.100.129', '198.51.101.1', '2001:db8::1', '203.0.113.9', '203.0.113.8']
  t.equal(state(...ips), 'da-dd-')
  t.equal(state('64:ff9b::c633:6401', '64:ff9b::c633:6481'), 'dd', 'deny meets the IPv4 address inside; allow never does')
  wait(1000)
  t.equal(state(...ips), '-a-dd-')
  wait(1000)
  t.equal(state(...ips), '---dd-')
  allowed.make(entry('allow', '203.0.113.9'), 1000)
  t.equal(state('203.0.113.9'), 'a', 'both are known, and allow wins')
  allowed.revokeNow('203.0.113.9')
  t.equal(state('203.0.113.9'), 'd')
  allowed.revokeNow('deny 203.0.113.9')
  t.equal(state('203.0.113.9'), '-')
})

t.test('the list has what is in force, once, with who said it and why', async t => {
  const { allowed, wait } = allowedAt(1000)
  allowed.make(entry('allow', '198.51.100.0/24', 'first'), 60_000)
  wait(1)
  allowed.make(entry('deny', '203.0.113.9', 'abuse'), 60_000)
  wait(1)
  allowed.make(entry('allow', '198.51.100.77/24', 'second'), 60_000)
  allowed.learn({ id: 'old id of 198.51.100.0/24', issuedMs: 5, untilMs: 0, entry: entry('allow', '198.51.100.0/24', 'old') }, 60_000)
  t.strictSame(allowed.list(), [
    { effect: 'deny', network: '203.0.113.9', reason: 'abuse', author: 'ada', since: '1970-01-01T00:00:01.001Z', until: '1970-01-01T00:01:01.001Z' },
    { effect: 'allow', network: '198.51.100.0/24', reason: 'second', author: 'ada', since: '1970-01-01T00:00:01.002Z', until: '1970-01-01T00:01:01.002Z' }
  ])
  wait(60_000)
  t.strictSame(allowed.list(), [])
})

t.test('their number is bounded: an operator is told, and a flood drops what would end soonest', async t => {
  const { allowed, log, wait } = allowedAt(0)
  const network = (i: number): string => `10.${i >> 8}.${i & 255}.0/24`
  for (let i = 0; i < 1000; i++) allowed.make(entry('deny', network(i)), 1000 + i)
  t.throws(() => allowed.make(entry('allow', network(1000)), 1000), { code: 'FST_IP_RISK_BAD_OPTION', message: /"allow" has too many: 1000 .*revoke/ })
  allowed.make(entry('deny', network(0)), 500)
  allowed.make(entry('allow', '192.0.2.1'), 1000)
  wait(500)
  allowed.make(entry('allow', network(1000)), 1000)
  t.equal(allowed.isAllowed('10.3.232.1'), true, 'what is over takes no room')
  for (let i = 2000; i < 4000; i++) allowed.learn({ id: `id ${i}`, issuedMs: 1, untilMs: 0, entry: entry('deny', network(i)) }, i)
  t.ok(allowed.list().length <= 1001)
  t.equal(allowed.of('10.15.159.1'), 'deny')
  t.equal(allowed.isAllowed('192.0.2.1'), true)
  t.match(log.messages, [/warn: allow\(\) lets more than 10000/])
})
