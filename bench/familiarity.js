// Step-ups per honest person over 90 days, and how often an attacker with a stolen password gets through, with and without the
// option `familiarity`. 10,000 accounts, the compiled policy and the memory of accounts as they run in production, in memory.
//   node bench/familiarity.js [accounts]
import '../scripts/strip-types.js'

const { createFamiliarity, CONFIRMED, TRUSTED } = await import('../lib/familiarity/index.ts')
const { applyPolicy, basePolicy } = await import('../lib/policy/index.ts')

const ACCOUNTS = Number(process.argv[2]) || 10_000
const DAYS = 90
const DAY_MS = 86_400_000
const bounds = { rememberMs: 90 * DAY_MS, maxNetworks: 20 }
const route = { action: 'payment', write: true, method: 'POST', url: '/payments' }
const start = Date.parse('2026-01-01')

/** A generator of its own, so that both runs see the same people. */
function random (seed) {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let x = Math.imul(state ^ (state >>> 15), 1 | state)
    x = (x + Math.imul(x ^ (x >>> 7), 61 | x)) ^ x
    return ((x ^ (x >>> 14)) >>> 0) / 2 ** 32
  }
}

const cities = [['Berlin', 'DE', 52, 13], ['Paris', 'FR', 49, 2], ['Sydney', 'AU', -34, 151], ['Austin', 'US', 30, -98]]

function network (number, verdict, categories = []) {
  const [city, countryCode, lat, lon] = cities[number % cities.length]
  const isVpn = verdict.startsWith('vpn')
  return {
    ip: `${11 + (number >> 16) % 180}.${(number >> 8) & 255}.${number & 255}.9`,
    verdict,
    categories,
    info: { asn: `AS${1000 + number % 20_000}`, countryCode, city, lat, lon },
    score: 0.7,
    isVpn,
    confidence: null,
    signals: [],
    provider: 'simulation',
    cache: 'memory',
    ageSeconds: 0,
    source: 'none',
    action: route.action,
    write: true
  }
}

const vpnExits = Array.from({ length: 400 }, (_, i) => network(900_000 + 7 * i, 'vpn_likely', ['vpn']))
const pick = (list, next) => list[Math.floor(next() * list.length)]

/** Each honest person: what network they write from on a day. */
const kinds = {
  'one VPN, always': next => { const exit = pick(vpnExits, next); return () => exit },
  'home, clean': (next, i) => { const home = network(i, 'clean'); return () => home },
  'home, sometimes a VPN of three exits': (next, i) => {
    const home = network(i, 'clean')
    const exits = [0, 1, 2].map(() => pick(vpnExits, next))
    return () => next() < 0.3 ? pick(exits, next) : home
  },
  'another VPN exit each time': next => () => pick(vpnExits, next)
}
const attackers = {
  'own network': next => network(2_000_000 + Math.floor(next() * 100_000), 'suspicious'),
  'random VPN exit': next => pick(vpnExits, next),
  'the exit of the victim': (next, victim) => victim()
}

async function simulate (withFamiliarity) {
  const next = random(7)
  let nowMs = start
  const accounts = createFamiliarity({ redis: undefined, secrets: undefined, keyPrefix: '', now: () => nowMs })
  const people = Array.from({ length: ACCOUNTS }, (_, i) => {
    const kind = Object.keys(kinds)[i % 4]
    return { account: String(i), kind, device: `device ${i}`, from: kinds[kind](next, i), stepUps: 0, writes: 0 }
  })
  const stopped = Object.fromEntries(Object.keys(attackers).map(name => [name, { tries: 0, through: 0 }]))

  async function decide (account, device, network) {
    const visit = { account, device, risk: network }
    if (!withFamiliarity) return [visit, applyPolicy(basePolicy, network, route).decision]
    const familiarity = await accounts.of(visit, bounds)
    return [visit, applyPolicy(basePolicy, { ...network, familiarity }, route).decision]
  }

  for (let day = 0; day < DAYS; day++) {
    nowMs = start + day * DAY_MS
    for (const person of people) {
      if (next() < 0.5) {
        person.writes++
        const [visit, decision] = await decide(person.account, person.device, person.from())
        if (decision === 'step_up_auth') { // an honest person passes it
          person.stepUps++
          await accounts.learn(visit, CONFIRMED, bounds)
        } else await accounts.learn(visit, TRUSTED, bounds)
      }
      if (next() < 0.01) { // an attacker with the password, without the second factor and the device
        const name = pick(Object.keys(attackers), next)
        const [visit, decision] = await decide(person.account, null, attackers[name](next, person.from))
        stopped[name].tries++
        const passes = decision === 'allow' || decision === 'elevate_risk'
        if (passes) stopped[name].through++
        await accounts.learn(visit, TRUSTED, bounds) // the login worked, and the application called trust()
      }
    }
  }
  const perPerson = Object.fromEntries(Object.keys(kinds).map(kind => {
    const group = people.filter(person => person.kind === kind)
    return [kind, group.reduce((sum, { stepUps }) => sum + stepUps, 0) / group.length]
  }))
  return { perPerson, stopped }
}

const without = await simulate(false)
const having = await simulate(true)
console.log(`step-ups per honest person in ${DAYS} days, ${ACCOUNTS} accounts, a write every second day`)
console.table(Object.fromEntries(Object.keys(kinds).map(kind => {
  const [before, after] = [without.perPerson[kind], having.perPerson[kind]]
  const fewer = before === 0 ? '' : `${(100 * (1 - after / before)).toFixed(1)} %`
  return [kind, { without: before.toFixed(2), with: after.toFixed(2), fewer }]
})))
console.log('attackers with the password who get through without a step-up')
console.table(Object.fromEntries(Object.keys(attackers).map(name => {
  const [before, after] = [without.stopped[name], having.stopped[name]]
  const share = ({ through, tries }) => `${(100 * through / tries).toFixed(2)} % of ${tries}`
  return [name, { without: share(before), with: share(after) }]
})))
