import t from 'tap'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'

const root = join(import.meta.dirname, '..')
const text = (name: string): string => readFileSync(join(root, name), 'utf8')
const runbook = text('docs/runbook.md')

t.test('every alert has an entry of its own in the runbook, and its annotation leads there', async t => {
  const alerts = [...text('dashboards/alerts.yaml').matchAll(/- alert: (\w+)[^]*?runbook_url: (\S+)/g)]
  t.ok(alerts.length > 5)
  const headings = [...runbook.matchAll(/^### (IpRisk\w+)$/gm)].map(([, name]) => name!)
  t.strictSame(headings.toSorted(), alerts.map(([, name]) => name!).toSorted())
  const files = JSON.parse(text('package.json')).files as string[]
  t.ok(files.includes('docs'), 'the page is published')
  for (const [, name, url] of alerts) t.equal(url, `https://unpkg.com/fastify-ip-risk/docs/runbook.md#${name!.toLowerCase()}`)
})

t.test('every reason of health() has an entry', async t => {
  const [, union = ''] = /type HealthReason =\n([^]*?)\n\n/.exec(text('types/telemetry.ts')) ?? []
  const reasons = [...union.matchAll(/'(\w+)'/g)].map(([, reason]) => reason!)
  t.ok(reasons.length > 5)
  const [, table = ''] = /^## Health$([^]*?)^## /m.exec(runbook) ?? []
  t.strictSame(reasons.filter(reason => !table.includes(`\`${reason}\``)), [])
})

t.test('every metric of the code is in the table of docs/telemetry.md', async t => {
  const { durations, metrics } = await import('../lib/telemetry/metrics.ts')
  const page = text('docs/telemetry.md')
  const written = page.replaceAll(/`([\w.]+)\.(\w+)`, `\.(\w+)`/g, '`$1.$2`, `$1.$3`').replaceAll('`cache.entries`, `cache.limit`', '`cache.entries` `cache.limit`')
  for (const { name } of [...metrics, ...Object.values(durations)]) t.match(written, `\`${name}\``, name)
})
