import { inspect } from 'node:util'
import t from 'tap'
import Fastify from 'fastify'
import ipRisk, { createIpRisk, IpRiskError } from '../lib/index.ts'
import type { FastifyIpRiskOptions } from '../types/fastify.ts'
import { visitorProvider } from './support/table-provider.ts'

const provider = visitorProvider()
const wrong: [options: object, message: RegExp][] = [
  [{ providr: provider }, /"providr" does not exist: use one of provider, redis/],
  [{ provider: 'iplogs' }, /"provider" must be a provider such as lists\(\) or iplogs\(\), got "iplogs"/],
  [{ provider: { lookup () {} } }, /"provider.name" must be a non-empty string/],
  [{ provider: { name: 'own' } }, /"provider.lookup" is missing/],
  [{ provider: { ...provider, families: [5] } }, /"provider.families" must be an array of 4 and 6/],
  [{ provider: { ...provider, limits: { perMinute: 0 } } }, /"provider.limits.perMinute" must be an integer from 1/],
  [{ provider: { ...provider, timeoutMs: 'x' } }, /"provider.timeoutMs" must be an integer from 1/],
  [{ provider: { ...provider, maxConcurrent: -1 } }, /"provider.maxConcurrent" must be an integer from 1/],
  [{ provider: { ...provider, reserveForWrites: 7 } }, /"provider.reserveForWrites" must be a number from 0 to 1/],
  [{ provider: [provider, provider] }, /"provider" must be one provider, got an array: use fallback\(a, b\)/],
  [{ provider: { ...provider, costPerCall: -1 } }, /"provider.costPerCall" must be a number from 0/],
  [{ provider: { ...provider, limits: { timeZone: 'Nowhere/Land' } } }, /"provider.limits.timeZone" must be an IANA time zone/],
  [{ provider: { ...provider, limits: { perMonth: 0 } } }, /"provider.limits.perMonth" must be an integer from 1/],
  [{ provider: { ...provider, names: 3 } }, /"provider.names" must be an array of strings/],
  [{ provider: { ...provider, sync: 'yes' } }, /"provider.sync" must be true or false/],
  [{ provider: { ...provider, members: provider } }, /"provider.members" must be an array of providers/],
  [{ provider: { ...provider, members: [{ name: 'm' }] } }, /"provider.members\[0\].lookup" is missing/],
  [{ redis: 'localhost' }, /"redis" must be a URL such as redis:/],
  [{ redis: { evalSha () {}, sendCommand () {}, duplicate () {} } }, /"redis" is a client of node-redis.*give its URL, or a client of ioredis/],
  [{ redis: { duplicate () {}, evalsha () {} } }, /"redis" is a client without eval, ping, subscribe.*give its URL/],
  [{ redis: 6379 }, /"redis" must be a URL, ioredis options or a client, got 6379/],
  [{ cache: { ttlSeconds: 21_601 } }, /"cache.ttlSeconds" must be an integer from 1 to 21600, got 21601/],
  [{ cache: { ttl: 300 } }, /"cache.ttl" does not exist/],
  [{ cache: { maxEntries: 0 } }, /"cache.maxEntries"/],
  [{ cache: { keyPrefix: 1 } }, /"cache.keyPrefix" must be a string, got 1/],
  [{ cache: { keySecret: 'short' } }, /"cache.keySecret" must have at least 16 characters/],
  [{ cache: { unknownTtlSeconds: -1 } }, /"cache.unknownTtlSeconds"/],
  [{ cache: { staleIfErrorSeconds: 'long' } }, /"cache.staleIfErrorSeconds"/],
  [{ redis: 'redis://:s3cret@127.0.0.1:99999' }, /"redis" is not a valid URL.*password/],
  [{ redis: 'redis://:s3cret%zz@127.0.0.1' }, /"redis" is not a valid URL/],
  [{ cache: { redisTimeoutMs: 0 } }, /"cache.redisTimeoutMs"/],
  [{ timeoutMs: 0 }, /"timeoutMs" must be an integer from 1 to 60000, got 0/],
  [{ actions: ['transfer'] }, /"actions" must be an object, got an array/],
  [{ actions: { write: 'transfer' } }, /"actions.write" must be an array of strings/],
  [{ actions: { read: ['signup'] } }, /"actions.read" names "signup", which is a write already/],
  [{ policy: 'strict' }, /"policy" must be a table or a function/],
  [{ policy: { write: { vpn: 'block' } } }, /"policy.write.vpn" does not exist: use one of clean, suspicious/],
  [{ policy: { write: { clean: 'deny' } } }, /"policy.write.clean" must be one of allow, elevate_risk, step_up_auth, block, got "deny"/],
  [{ policy: { write: { unknown: { timeout: 'block' } } } }, /"policy.write.unknown.default" is missing/],
  [{ policy: { write: { unknown: { default: 'allow', slow: 'block' } } } }, /"policy.write.unknown.slow" does not exist/],
  [{ policy: { read: { vpn_detected: 'block' } } }, /"policy.read.vpn_detected" would stop reads.*allowBlockingReads: true/],
  [{ policy: { read: { unknown: { default: 'allow', timeout: 'step_up_auth' } } } }, /"policy.read.unknown" would stop reads/],
  [{ policy: { rules: [{ category: 'vpns', atMost: 'allow' }] } }, /"policy.rules\[0\].category" must be one of vpn/],
  [{ policy: { rules: [{ category: 'tor' }] } }, /"policy.rules\[0\]" must say either "atMost", "then" or "atLeast"/],
  [{ policy: { rules: { category: 'tor', then: 'block' } } }, /"policy.rules" must be an array/],
  [{ mode: 'dry-run' }, /"mode" must be one of enforce, monitor, got "dry-run"/],
  [{ unmarked: true }, /"unmarked" must be one of wait, background, cache, skip, got true/],
  [{ allow: ['10.0.0.0/33'] }, /"allow\[0\]" must be an IP address or CIDR/],
  [{ deny: ['example.com'] }, /"deny\[0\]" must be an IP address or CIDR.*"example.com"/],
  [{ deny: '192.0.2.1' }, /"deny" must be an array of strings/],
  [{ stepUp: {} }, /"stepUp.isSatisfied" is missing/],
  [{ stepUp: { isSatisfied: true } }, /"stepUp.isSatisfied" must be a function/],
  [{ stepUp: { isSatisfied: () => true, scheme: 'Bearer x' } }, /"stepUp.scheme" must be one HTTP token/],
  [{ stepUp: { isSatisfied: () => true, acrValues: ['a b'] } }, /"stepUp.acrValues\[0\]"/],
  [{ stepUp: { isSatisfied: () => true, realm: 'a\nb' } }, /"stepUp.realm" must be printable ASCII/],
  [{ stepUp: { isSatisfied: () => true, maxAgeSeconds: -1 } }, /"stepUp.maxAgeSeconds"/],
  [{ logAddress: 'hash' }, /"logAddress" must be one of full, truncated, hmac, none/],
  [{ logAddress: 'hmac' }, /"logAddress" is "hmac", which needs a secret: give "cache.keySecret" too/],
  [{ recordAddress: 'hash' }, /"recordAddress" must be one of full, truncated, hmac, none/],
  [{ recordAddress: 'hmac' }, /"recordAddress" is "hmac", which needs a secret: give "cache.keySecret" too/],
  [{ onDecision: 'log' }, /"onDecision" must be a function/],
  [{ clientIp: { trust: ['10.0.0.0/8'] } }, /"clientIp.trust" does not exist/],
  [{ clientIp: { trusted: ['10.0.0.0/8abc'] } }, /"clientIp.trusted\[0\]"/]
]

t.test('a wrong option fails the registration, naming itself and the fix', async t => {
  for (const [options, message] of wrong) {
    const app = Fastify()
    const err = await app.register(ipRisk, options as FastifyIpRiskOptions).then(() => null, (err: unknown) => err)
    t.match(err, { code: 'FST_IP_RISK_BAD_OPTION', message }, JSON.stringify(options))
    t.ok(err instanceof IpRiskError)
    t.notMatch(inspect(err), /s3cret/)
    await app.close()
  }
})

t.test('createIpRisk refuses the same options', async t => {
  for (const [options, message] of wrong.filter(([options]) => !('stepUp' in options))) {
    t.throws(() => createIpRisk(options), { code: 'FST_IP_RISK_BAD_OPTION', message }, JSON.stringify(options))
  }
})

t.test('a wrong route option fails at boot and names the route', async t => {
  const rows: [config: unknown, message: RegExp][] = [
    ['transfer', /"POST \/x: config.ipRisk" names the action "transfer", which is not declared: use one of signup/],
    [7, /"POST \/x: config.ipRisk" must be an action name, true, false or an object, got 7/],
    [{ acton: 'signup' }, /"POST \/x: config.ipRisk.acton" does not exist/],
    [{ action: 'signup', lookup: 'later' }, /"POST \/x: config.ipRisk.lookup" must be one of wait, background, cache, skip/],
    [{ mode: 'off' }, /"POST \/x: config.ipRisk.mode"/],
    [{ write: 'yes' }, /"POST \/x: config.ipRisk.write" must be true or false/],
    [{ timeoutMs: 1e9 }, /"POST \/x: config.ipRisk.timeoutMs"/],
    [{ policy: { write: { clean: 'no' } } }, /"POST \/x: config.ipRisk.policy.write.clean"/],
    [{ policy: { read: { clean: 'block' } } }, /"POST \/x: config.ipRisk.policy.read.clean" would stop reads/]
  ]
  for (const [config, message] of rows) {
    const app = Fastify()
    await app.register(ipRisk, { provider })
    t.throws(() => app.post('/x', { config: { ipRisk: config as 'signup' } }, async () => 1), { code: 'FST_IP_RISK_BAD_OPTION', message })
    await app.close()
  }
})

t.test('what Fastify hands to every plugin is no option of ours', async t => {
  const app = Fastify()
  t.teardown(() => app.close())
  await t.resolves(async () => { await app.register(ipRisk, { provider, prefix: '/v1', logLevel: 'warn', logSerializers: {} }) })
})
