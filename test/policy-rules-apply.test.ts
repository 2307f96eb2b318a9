import fastify from 'fastify'
import t from 'tap'
import { optionsIn } from '../lib/cli/settings.ts'
import ipRisk, { createIpRisk } from '../lib/index.ts'
import type { FastifyIpRiskOptions } from '../types/fastify.ts'
import { memoryLog } from './support/log.ts'
import { tableProvider } from './support/table-provider.ts'

const provider = tableProvider({})
const log = memoryLog()
const stepUp = { isSatisfied: () => false }
const familiarity = { account: () => null }
const rules = [{ name: 'stranger', familiarity: 'new', atLeast: 'elevate_risk' }] as const
const problem = /rules" has the rule "stranger" on "familiarity", which never applies without the option "familiarity": give that option/
const code = 'FST_IP_RISK_BAD_OPTION'

t.test('a rule on familiarity without that option is an error at boot, wherever the rule is', async t => {
  t.throws(() => createIpRisk({ provider, log, policy: { rules } }), { code, message: problem })
  t.throws(() => createIpRisk({ provider, log, policy: { rules: [{ familiarity: ['new'], then: 'block' }] } }), { code, message: /has a rule on "familiarity"/ })
  const engine = createIpRisk({ provider, log })
  t.teardown(() => engine.close())
  t.throws(() => engine.update({ policy: { rules } }), { code, message: problem })
  await t.rejects(engine.assess({ socket: {}, headers: {} }, { action: 'signup', policy: { rules } } as never), { code, message: /route.policy.rules/ })

  const app = fastify()
  t.teardown(() => app.close())
  await app.register(ipRisk, { provider })
  t.throws(() => app.post('/', { config: { ipRisk: { policy: { rules } } } }, async () => ''), { code, message: /POST \/: config.ipRisk.policy.rules/ })
})

t.test('with the option, in the scope or above it, the rule is taken', async t => {
  const app = fastify()
  t.teardown(() => app.close())
  await app.register(ipRisk, { provider, stepUp, familiarity } satisfies FastifyIpRiskOptions)
  await app.register(async child => {
    await child.register(ipRisk, { policy: { rules } })
    child.post('/', { config: { ipRisk: { policy: { rules: [{ familiarity: 'first', then: 'block' }] } } } }, async () => '')
  })
  await app.ready()
  t.equal(optionsIn('settings.js', { default: { policy: { rules } } }).policy !== undefined, true, 'a file of options is read as it is')
})

t.test('a rule on an action that no route of the scope can have is an error at boot, and names the actions there are', async t => {
  const policy = { rules: [{ name: 'money', action: ['payment', 'transfer'], then: 'step_up_auth' }] } as const
  const undeclared = /policy\.rules" has the rule "money" on the action "transfer", which is not declared: use one of signup, .*"actions" of this scope/
  t.throws(() => createIpRisk({ provider, log, policy }), { code, message: undeclared })
  const engine = createIpRisk({ provider, log })
  t.teardown(() => engine.close())
  t.throws(() => engine.update({ policy }), { code, message: undeclared })

  const app = fastify()
  t.teardown(() => app.close())
  await app.register(ipRisk, { provider })
  t.throws(() => app.post('/', { config: { ipRisk: { action: 'payment', policy } } }, async () => ''), { code, message: /POST \/: config.ipRisk.policy.rules/ })
  await app.register(async child => {
    await child.register(ipRisk, { policy, actions: { write: ['transfer' as never] } })
    child.post('/transfer', { config: { ipRisk: { action: 'transfer' as never } } }, async request => request.ipRisk!.decision)
  })
  await app.ready()
})
