import t from 'tap'
import Fastify from 'fastify'
import { internalsOf } from '../lib/core/index.ts'
import ipRisk from '../lib/index.ts'
import { keepHistory } from '../lib/telemetry/dashboard-history.ts'
import { visitorProvider, visitors } from './support/table-provider.ts'

t.test('the last decisions are newest first, before and after there are a hundred', async t => {
  const app = Fastify()
  t.teardown(() => app.close())
  await app.register(ipRisk, { provider: visitorProvider() })
  const history = keepHistory(internalsOf(app.ipRisk)!)
  t.teardown(() => history.close())
  for (let i = 0; i < 130; i++) app.post(`/${i}`, { config: { ipRisk: 'signup' } }, async () => ({}))
  for (let i = 0; i < 130; i++) {
    await app.inject({ method: 'POST', url: `/${i}`, remoteAddress: visitors.clean })
    const kept = Math.min(100, i + 1)
    const expected = Array.from({ length: kept }, (_, back) => `/${i - back}`)
    if (i < 5 || i > 97) t.same(history.decisions().map(({ route }) => route), expected, `after ${i + 1}`)
  }
})
