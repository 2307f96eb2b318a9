import proxyAddr from 'proxy-addr'
import t from 'tap'
import { IpRiskError } from '../lib/errors.ts'
import { cloudflareRanges } from '../lib/ip/published-ranges.ts'
import { createClientIp, createClientIpResolver } from '../lib/client-ip/resolver.ts'
import { trustProxyWarning } from '../lib/client-ip/settings.ts'
import { watchMisconfiguration } from '../lib/client-ip/watch.ts'
import type { ClientIpOptions } from '../types/contract.ts'
import { memoryLog } from './support/log.ts'

const C = '203.0.113.9'
const LB = '10.0.0.1'
const EDGE = '173.245.48.5'
const when = Date.parse('2026-02-01')

t.test('R2 refuses options, naming the option and the fix', async t => {
  const rows: [options: unknown, message: RegExp][] = [
    [[], /"clientIp" must be an object/],
    [{ trust: [] }, /"clientIp\.trust" does not exist: use one of trusted, hops/],
    [{ trusted: true }, /"clientIp\.trusted" must be an array/],
    [{ trusted: 'loopback, ' }, /"clientIp\.trusted\[1\]" must be a non-empty string/],
    [{ trusted: [LB, ''] }, /"clientIp\.trusted\[1\]" must be a non-empty string/],
    [{ trusted: [7] }, /"clientIp\.trusted\[0\]" must be a non-empty string/],
    ...['localhost', 'proxy.example.com', '10.0.0.0/255.0.0.0', '10.*', '10.0.0.0/', '10.0.0.0/08', '10.0.0.0/8abc', '10.0.0.0/33', '10.0.0.0/-1', '10.0.0.0/ 8',
      '010.0.0.0/8', '10.0/8', '10', '0x0a.0.0.0/8', '2001:db8::/129', '2001:db8::%eth0', '[::1]', ' 10.0.0.1', '10.0.0.1:80', '::ffff:10.0.0.0/95',
      '0.0.0.0/0', '::/0', '::ffff:0:0/96', 'Loopback', 'constructor', 'toString', 'unique-local']
      .map((text): [unknown, RegExp] => [{ trusted: [text] }, /"clientIp\.trusted\[0\]" is refused: .*; write an address, a CIDR/]),
    ...[0, 33, 1.5, NaN, '1', -1, true].map((hops): [unknown, RegExp] => [{ hops }, /"clientIp\.hops" must be an integer from 1 to 32/]),
    [{ header: 'x-client-ip' }, /"clientIp\.header" must be one of x-forwarded-for, forwarded, x-real-ip/],
    [{ header: 'x-real-ip', hops: 1 }, /"clientIp\.hops" counts the entries of a list/],
    [{ cloudflare: 'yes' }, /"clientIp\.cloudflare" must be true, false or an object/],
    [{ cloudflare: null }, /"clientIp\.cloudflare" must be an object/],
    [{ cloudflare: { range: [] } }, /"clientIp\.cloudflare\.range" does not exist/],
    [{ cloudflare: { ranges: [] } }, /"clientIp\.cloudflare\.ranges" is refused: the list is empty/],
    [{ cloudflare: { ranges: ['104.16.0.0/10'] } }, /ranges" is refused: .*wider/],
    [{ cloudflare: { ranges: ['2400::/27'] } }, /ranges" is refused: .*wider/],
    [{ cloudflare: { ranges: ['104.16.0.0/13', 'x'] } }, /ranges" is refused: "x" is not an IP address/],
    [{ cloudflare: { via: ['x'] } }, /"clientIp\.cloudflare\.via\[0\]" is refused/],
    [{ cloudflare: { proof: true } }, /"clientIp\.cloudflare\.proof" must be a function/],
    [{ dangerouslyTrustEveryHop: 1 }, /"clientIp\.dangerouslyTrustEveryHop" must be true or false/],
    [{ dangerouslyTrustEveryHop: true, trusted: [] }, /contradicts/],
    [{ dangerouslyTrustEveryHop: true, hops: 1 }, /contradicts/]
  ]
  for (const [options, message] of rows) {
    try {
      createClientIpResolver(options as ClientIpOptions)
      t.fail(`${JSON.stringify(options)} was accepted`)
    } catch (error) {
      t.ok(error instanceof IpRiskError)
      t.match(error, { code: 'FST_IP_RISK_BAD_OPTION', message }, JSON.stringify(options))
    }
  }
})

t.test('R2 takes the trust setting of an Express application as it is', async t => {
  const trust = 'loopback, linklocal, uniquelocal, 192.0.2.10'
  const compiled = proxyAddr.compile(trust.split(',').map(entry => entry.trim()))
  const resolve = createClientIpResolver({ trusted: trust })
  for (const peer of ['127.0.0.1', '169.254.1.1', '10.1.2.3', 'fd00::1', '192.0.2.10', '192.0.2.11', '100.64.0.1', 'fe80::1']) {
    const request = { socket: { remoteAddress: peer }, headers: { 'x-forwarded-for': '198.51.100.7' } }
    t.equal(resolve(request).ip, proxyAddr(request as never, compiled), peer)
  }
})

t.test('R2 warns of what is allowed and probably not meant', async t => {
  const rows: [ClientIpOptions | undefined, RegExp[]][] = [
    [undefined, []],
    [{ trusted: ['10.0.0.0/8', 'unix', 'loopback', '2001:db8::/16'], cloudflare: true }, [/"2001:db8::\/16" has bits set.*2001::\/16/]],
    [{ trusted: ['10.0.0.1/8'] }, [/"10\.0\.0\.1\/8" has bits set right of the prefix: it means 10\.0\.0\.0\/8/]],
    [{ trusted: ['8.0.0.0/7'] }, [/"8\.0\.0\.0\/7" is very wide/]],
    [{ trusted: ['2000::/15'] }, [/very wide/]],
    [{ trusted: ['10.0.0.0/8', '10.1.0.0/16'] }, [/"10\.1\.0\.0\/16" is inside "10\.0\.0\.0\/8"/]],
    [{ trusted: ['private', '10.1.0.0/16'] }, [/"10\.1\.0\.0\/16" is inside "private"/]],
    [{ trusted: [LB, '::ffff:10.0.0.1', '10.0.0.2'] }, [/is inside/]],
    [{ trusted: [LB, LB] }, [/"10\.0\.0\.1" is there twice/]],
    [{ trusted: [LB], cloudflare: { via: [LB] } }, [/is there twice/]],
    [{ trusted: ['104.16.0.0/13'] }, [/addresses of Cloudflare.*set clientIp\.cloudflare: true/]],
    [{ trusted: ['104.16.1.1'], cloudflare: true }, [/addresses of Cloudflare.*covers the edge/]],
    [{ hops: 1 }, [/hops without clientIp\.trusted/]],
    [{ hops: 1, trusted: [LB] }, []],
    [{ hops: 1, trusted: ['unix'] }, []],
    [{ dangerouslyTrustEveryHop: true }, [/every visitor can forge/]]
  ]
  for (const [options, expected] of rows) {
    const { warnings } = createClientIp(options, undefined, when)
    t.equal(warnings.length, expected.length, JSON.stringify([options, warnings]))
    expected.forEach((pattern, i) => t.match(warnings[i], pattern))
  }
  const age = (options: ClientIpOptions, at: string) => createClientIp(options, undefined, Date.parse(at)).warnings
  t.same(age({ cloudflare: true }, '2026-07-01'), [], '180 days')
  t.match(age({ cloudflare: true }, '2026-07-02'), [/181 days old \(2026-01-02\)/])
  t.match(age({ cloudflare: {} }, '2026-07-02'), [/181 days old/])
  t.same(age({ cloudflare: { ranges: ['104.16.0.0/13'] } }, '2026-07-02'), [], 'not where the list is the user\'s own')
  t.same(age({ cloudflare: false }, '2026-07-02'), [])
  t.match(trustProxyWarning, /trustProxy is on/)
})

t.test('R7.9 takes a new list of Cloudflare\'s ranges when it is plausible', async t => {
  const log = memoryLog()
  const resolve = createClientIpResolver({ cloudflare: true }, log)
  const ip = (peer: string) => resolve({ socket: { remoteAddress: peer }, headers: { 'cf-connecting-ip': C } }).ip
  const fewer = cloudflareRanges.slice(0, 10)
  const refused: [unknown, RegExp][] = [
    [[], /empty/], ['\n \n', /empty/], [fewer, /10 networks where 22 were/], [[...cloudflareRanges, '1.2.3.4/x'], /prefix/], [[...cloudflareRanges, ''], /not an IP/],
    [[...cloudflareRanges, '8.0.0.0/10'], /wider/], [[...cloudflareRanges, '2600::/27'], /wider/], ['<html>', /not an IP/], [[7], /strings/], [null, /strings/]
  ]
  for (const [list, problem] of refused) t.match(resolve.setCloudflareRanges(list as string), { accepted: false, problem })
  t.equal(log.lines.length, refused.length, 'each refusal is logged')
  t.match(log.lines[0], { message: /the old one stays/ })
  t.equal(ip(EDGE), C, 'the old one stays')
  t.equal(ip('192.0.2.1'), '192.0.2.1')
  t.same(resolve.setCloudflareRanges(`${fewer.join('\r\n')}\n\n192.0.2.0/24\n`), { accepted: true }, 'half of the old one is enough')
  t.equal(ip('192.0.2.1'), C, 'the new one counts')
  t.same(resolve.setCloudflareRanges(['192.0.2.0/24', ...fewer.slice(0, 5)]), { accepted: true }, 'and is what the next is measured by')
  t.equal(createClientIpResolver({ cloudflare: { ranges: ['192.0.2.1'] } })({ socket: { remoteAddress: '192.0.2.1' }, headers: { 'cf-connecting-ip': C } }).ip, C)
  const finder = createClientIp({ cloudflare: false })
  t.same([EDGE, C, 'x'].map(finder.isCloudflare), [true, false, false])
})

t.test('R7.10 a proof that does not work proves nothing, and is told of once', async t => {
  const request = { socket: { remoteAddress: EDGE }, headers: { 'cf-connecting-ip': C } }
  const rows: [proof: () => unknown, message: RegExp | undefined][] = [
    [() => { throw new Error('no certificate') }, /threw/],
    [async () => true, /returned a promise/],
    [async () => { throw new Error('late') }, /returned a promise/],
    [() => 1, undefined]
  ]
  for (const [proof, message] of rows) {
    const log = memoryLog()
    const options = { cloudflare: { proof: proof as () => boolean } }
    const resolve = createClientIpResolver(options, log)
    for (let i = 0; i < 3; i++) t.match(resolve(request), { ip: EDGE, reason: 'not_cloudflare' })
    t.match(log.lines, message === undefined ? [] : [{ message }])
    t.equal(log.lines.length, message === undefined ? 0 : 1)
    t.equal(createClientIpResolver(options)(request).ip, EDGE, 'without a log too')
  }
})

t.test('R12 tells of misconfiguration that traffic shows, once each', async t => {
  type Traffic = [peer: string, headers?: Record<string, string>]
  const findings = (options: ClientIpOptions, traffic: Traffic[], times = 1) => {
    const found: string[] = []
    const finder = createClientIp(options)
    const watch = watchMisconfiguration(finder, { warn: fields => { found.push((fields as { code: string }).code) } })
    for (let i = 0; i < times; i++) {
      for (const [remoteAddress, headers = {}] of traffic) {
        const request = { socket: { remoteAddress }, headers }
        watch.see(finder.resolve(request), request)
      }
    }
    return found
  }
  const xff = { 'x-forwarded-for': C }
  const rows: [what: string, ClientIpOptions, Traffic[], times: number, string[]][] = [
    ['internal peer, headers, nothing trusted', {}, [[LB, xff], ['127.0.0.1', xff], ['100.64.0.1', xff], ['169.254.1.1', xff]], 3, ['IP_RISK_PROXY_NOT_LISTED']],
    ['without headers', {}, [[LB]], 100, []],
    ['public peer', {}, [[C, xff]], 100, []],
    ['infrastructure only', { trusted: [LB] }, [[LB]], 100, ['IP_RISK_ONLY_INFRASTRUCTURE']],
    ['not yet', { trusted: [LB] }, [[LB]], 49, []],
    ['a client was seen', { trusted: [LB] }, [[LB, xff], ...Array.from({ length: 60 }, (): Traffic => [LB])], 1, []],
    ['Cloudflare peer, not set', {}, [[EDGE], [EDGE, xff]], 3, ['IP_RISK_CLOUDFLARE_NOT_SET']],
    ['Cloudflare behind a balancer, not set', { trusted: [LB] }, [[LB, { 'x-forwarded-for': EDGE, 'cf-connecting-ip': C }]], 3, ['IP_RISK_CLOUDFLARE_NOT_SET']],
    ['a visitor who pretends to', { trusted: [LB] }, [[LB, { ...xff, 'cf-connecting-ip': C }]], 3, []],
    ['Cloudflare off', { cloudflare: false }, [[EDGE]], 3, []],
    ['Cloudflare on and never seen', { cloudflare: true }, [[C]], 1001, ['IP_RISK_CLOUDFLARE_NEVER_SEEN']],
    ['Cloudflare on and seen', { cloudflare: true }, [[EDGE, { 'cf-connecting-ip': C }], [C]], 1001, []],
    ['Cloudflare seen by its list', { cloudflare: true }, [[EDGE, xff], [C]], 1001, []],
    ['another header', { trusted: [LB] }, [[LB, { 'x-real-ip': C }]], 100, ['IP_RISK_HEADER_NEVER_SEEN']],
    ['another header, forwarded', { trusted: [LB], header: 'x-real-ip' }, [[LB, { forwarded: `for=${C}` }]], 100, ['IP_RISK_HEADER_NEVER_SEEN']],
    ['the chosen header was seen', { trusted: [LB] }, [[LB, xff], [LB, { 'x-real-ip': C }]], 100, []],
    ['public peer with hops', { hops: 1 }, [[C, xff]], 3, ['IP_RISK_PUBLIC_PEER_WITH_HOPS']],
    ['public peer with hops and trusted', { hops: 1, trusted: [LB] }, [[C, xff]], 3, []],
    ['hops too few', { hops: 2 }, [[LB, xff]], 50, ['IP_RISK_ONLY_INFRASTRUCTURE']]
  ]
  for (const [what, options, traffic, times, expected] of rows) t.same(findings(options, traffic, times), expected, what)
})

t.test('R12 compares with request.ip while trustProxy is on', async t => {
  const log = memoryLog()
  const finder = createClientIp()
  const watch = watchMisconfiguration(finder, log)
  const client = finder.resolve({ socket: { remoteAddress: '::ffff:203.0.113.9' }, headers: {} })
  t.equal(watch.compare(client, C), false)
  t.equal(watch.compare(client, '::ffff:203.0.113.9'), false, 'another notation is the same address')
  t.equal(watch.compare(client, undefined), false)
  t.equal(watch.compare({ ...client, ip: null }, 'x'), false)
  t.equal(watch.compare(client, 'unknown'), true)
  t.equal(watch.compare(client, '6.6.6.6'), true)
  t.equal(log.lines.length, 1)
  t.match(log.messages[0], /request\.ip and request\.ipRisk\.ip name different addresses/)
})

t.test('R12 explains the chain hop by hop', async t => {
  const explain = (options: ClientIpOptions, peer: string | undefined, headers: Record<string, string>, server?: unknown) =>
    createClientIp(options).explain({ socket: { remoteAddress: peer, server }, headers })
  const verdicts = (...args: Parameters<typeof explain>) => explain(...args).chain.map(hop => `${hop.text} ${hop.verdict}`)
  const xff = (text: string) => ({ 'x-forwarded-for': text })

  const whole = explain({ trusted: [LB], cloudflare: true }, LB, { ...xff(`6.6.6.6, ${C}, ${EDGE}`), 'cf-connecting-ip': C })
  t.same(whole.chain.map(({ position, from, address, scope, verdict }) => ({ position, from, address, scope, verdict })), [
    { position: 0, from: 'remote_address', address: LB, scope: 'private', verdict: 'trusted' },
    { position: 1, from: 'x-forwarded-for', address: EDGE, scope: 'public', verdict: 'cloudflare' },
    { position: null, from: 'cf-connecting-ip', address: C, scope: 'documentation', verdict: 'client' },
    { position: 2, from: 'x-forwarded-for', address: C, scope: 'documentation', verdict: 'not_read' },
    { position: 3, from: 'x-forwarded-for', address: '6.6.6.6', scope: 'public', verdict: 'not_read' }
  ])
  t.match(whole.summary, /203\.0\.113\.9, by cf-connecting-ip, after 2 verified hops/)
  t.equal(whole.chain[0]!.why, '"10.0.0.1" of clientIp.trusted names it')
  t.equal(explain({ trusted: ['unix', 'loopback', 'private'] }, LB, {}).chain[0]!.why, '"private" of clientIp.trusted names it')

  const rows: [what: string, Parameters<typeof explain>, string[]][] = [
    ['direct', [{}, C, xff('6.6.6.6')], [`${C} client`, '6.6.6.6 not_read']],
    ['one proxy', [{ trusted: [LB] }, LB, xff(`6.6.6.6, ${C}`)], [`${LB} trusted`, `${C} client`, '6.6.6.6 not_read']],
    ['unusable', [{ trusted: [LB] }, LB, xff('6.6.6.6, unknown')], [`${LB} trusted`, 'unknown unusable', '6.6.6.6 not_read']],
    ['forwarded', [{ trusted: [LB], header: 'forwarded' }, LB, { forwarded: `for=6.6.6.6, for="${C}"` }], [`${LB} trusted`, `for="${C}" client`, 'for=6.6.6.6 not_read']],
    ['counted', [{ hops: 2 }, LB, xff(`${C}, 198.51.100.1`)], [`${LB} counted`, '198.51.100.1 counted', `${C} client`]],
    ['too few', [{ hops: 2 }, LB, xff(C)], [`${LB} counted`, `${C} not_read`]],
    ['edge alone', [{ cloudflare: true }, EDGE, {}], [`${EDGE} cloudflare`]],
    ['forged Cloudflare header', [{ trusted: [LB], cloudflare: true }, LB, { ...xff(C), 'cf-connecting-ip': 'x' }], [`${LB} trusted`, `${C} client`, 'x not_read']],
    ['Cloudflare header that fails', [{ cloudflare: true }, EDGE, { ...xff(C), 'cf-connecting-ip': LB }], [`${EDGE} cloudflare`, `${C} client`, `${LB} not_read`]],
    ['via', [{ cloudflare: { via: [LB] } }, LB, { 'cf-connecting-ip': C }], [`${LB} cloudflare`, `${C} client`]],
    ['Cloudflare, and not set', [{}, EDGE, xff(C)], [`${EDGE} cloudflare`, `${C} not_read`]],
    ['unproven via', [{ cloudflare: { via: [LB], proof: () => false } }, LB, {}], [`${LB} cloudflare`]],
    ['counted, but no edge', [{ hops: 1, cloudflare: true }, LB, {}], [`${LB} counted`]],
    ['counted, and named', [{ hops: 1, trusted: ['10.0.0.0/8'] }, LB, xff('10.0.0.2')], [`${LB} trusted`, '10.0.0.2 trusted']],
    ['unix via', [{ cloudflare: { via: ['unix'] } }, undefined, { 'cf-connecting-ip': C }, { address: () => '/x' }], ['(no address) trusted', `${C} client`]],
    ['unproven', [{ cloudflare: { proof: () => false } }, EDGE, {}], [`${EDGE} client`]],
    ['every hop', [{ dangerouslyTrustEveryHop: true }, LB, xff(C)], [`${LB} trusted`, `${C} client`]],
    ['no peer', [{}, undefined, {}], ['(no address) unusable']],
    ['unix', [{ trusted: ['unix'] }, undefined, xff(C), { address: () => '/x' }], ['(no address) trusted', `${C} client`]],
    ['long text', [{ trusted: [LB] }, LB, xff('y'.repeat(99))], [`${LB} trusted`, `${'y'.repeat(60)}… unusable`]]
  ]
  for (const [what, args, expected] of rows) {
    t.same(verdicts(...args), expected, what)
    t.ok(explain(...args).chain.every(hop => hop.why.length > 10), 'each with its why')
  }
  t.match(explain({}, undefined, {}).summary, /no address \(no_peer: /)
  t.match(explain({ trusted: [LB] }, LB, {}).summary, /your own infrastructure.*header_missing/)
  const long = explain({ trusted: [LB] }, LB, xff('6.6.6.6, '.repeat(100) + C))
  t.equal(long.chain.length + long.unshown, 102)
  t.equal(long.unshown, 61)
})
