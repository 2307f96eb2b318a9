// What rules and long lists add to a decision: CPU time of a memory hit judged in this process, with and without them.
// `node bench/decide.js [rounds]`
import '../scripts/strip-types.js'

const { assessment, assessRequest } = await import('../lib/core/index.ts')
const { createStandalone } = await import('../lib/frameworks/node.ts')

const rounds = Number(process.argv[2] ?? 10)
const DECISIONS = 100_000
const ENTRIES = 100_000
const rules = [
  { category: 'tor', then: 'block' }, { category: 'proxy', then: 'step_up_auth' }, { category: 'abuse', then: 'step_up_auth' },
  { category: 'crawler', atMost: 'elevate_risk' }, { category: 'hosting', atMost: 'step_up_auth' }
]
rules.push(
  { asn: 64500, then: 'block' }, { country: 'XX', atLeast: 'step_up_auth' }, { vpnProvider: 'Nobody', then: 'block' },
  { score: { min: 0.95 }, then: 'block' }, { action: ['kyc', 'payment'], category: 'vpn', atMost: 'step_up_auth' }
)
const answer = {
  verdict: 'vpn_likely', score: 0.6, isVpn: true, confidence: 0.9, signals: [], info: { asn: 'AS64496', countryCode: 'DE' }, categories: ['vpn', 'hosting']
}
const visitors = { IPv4: '203.0.113.9', IPv6: '2001:db8:1:2:3::9' }

/** Spread over the whole space, never beside each other, so that none is merged; half IPv4 /28, half IPv6 /48. */
function cidrs (seed) {
  return Array.from({ length: ENTRIES }, (_, i) => {
    const n = (i >> 1) * 40_503 + seed
    return i % 2 === 0
      ? `${20 + (n >>> 17) % 180}.${(n >>> 9) & 255}.${(n >>> 1) & 255}.${(n & 1) * 32}/28`
      : `2a0${seed % 10}:${(n & 0xffff).toString(16)}:${((i >> 1) * 2 + 1 & 0xffff).toString(16)}::/48`
  })
}

const variants = {
  'no rules, no lists': {},
  '10 rules': { policy: { rules } },
  [`allow and deny, ${ENTRIES} CIDRs each`]: { allow: cidrs(3), deny: cidrs(5) },
  'deny() of 1,000 networks': { denied: Array.from({ length: 1000 }, (_, i) => `11.${i >> 8}.${i & 255}.0/24`) },
  both: { policy: { rules }, allow: cidrs(3), deny: cidrs(5) }
}

const nothing = () => {}
const quiet = { debug: nothing, info: nothing, warn: nothing, error: nothing } // as Fastify's logger: false

async function start ([name, { denied = [], ...options }]) {
  const startedMs = performance.now()
  const { engine, scope, judge, routePolicy, api } = createStandalone({ provider: { name: 'fixed', lookup: async () => answer }, cache: { ttlSeconds: 21_600 }, ...options }, quiet)
  for (const network of denied) await api.deny(network)
  const bootMs = performance.now() - startedMs
  const marked = routePolicy('signup')
  const requests = Object.values(visitors).map(remoteAddress => ({ method: 'POST', headers: {}, socket: { remoteAddress } }))
  for (const request of requests) {
    const { risk } = await judge(request, marked)
    if (risk.verdict !== answer.verdict) throw new Error(`${name}: ${risk.verdict} ${risk.reason}`)
    if ((await judge(request, marked)).risk.cache !== 'memory') throw new Error(`${name}: no memory hit`)
  }
  const context = { scope, route: marked, method: 'POST', url: undefined, requestId: '', log: quiet }
  return {
    name,
    bootMs,
    nanoseconds: requests.map(() => []),
    run (request) { // without a promise, as on a memory hit in Fastify
      if (assessRequest(assessment(engine, context, requests[request]), requests[request]).risk === undefined) throw new Error(`${name}: a promise`)
    }
  }
}

const least = values => Math.min(...values) // a busy machine only ever adds
const started = []
for (const variant of Object.entries(variants)) started.push(await start(variant))

for (let round = -2; round < rounds; round++) {
  for (const { run, nanoseconds } of started) {
    nanoseconds.forEach((values, request) => {
      const before = process.cpuUsage()
      for (let i = 0; i < DECISIONS; i++) run(request)
      const { user, system } = process.cpuUsage(before)
      if (round >= 0) values.push((user + system) * 1000 / DECISIONS)
    })
  }
}

const bare = started[0].nanoseconds.map(least)
console.table(Object.fromEntries(started.map(({ name, bootMs, nanoseconds }) => [name, {
  'boot, ms': Math.round(bootMs),
  ...Object.fromEntries(Object.keys(visitors).flatMap((family, i) => {
    const ns = least(nanoseconds[i])
    return [[`${family}, ns`, Math.round(ns)], [`${family} adds, ns`, Math.round(ns - bare[i])]]
  }))
}])))
process.exit()
