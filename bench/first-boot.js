// Peak memory of a process that compiles the AS numbers of @ip-location-db/asn at its first start, beside a later start and a bare
// Node.js: `npm run build && node bench/first-boot.js`
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const folder = mkdtempSync(join(tmpdir(), 'first-boot-'))
const provider = `
  import { lists } from '${new URL('../dist/lib/index.js', import.meta.url)}'
  const provider = lists({ cacheFolder: ${JSON.stringify(join(folder, 'cache'))} })
  const report = (fields, text) => { console.error(text, fields) }
  const log = { debug () {}, info () {}, warn: report, error: report }
  provider.start(log)
  for (let i = 0; provider.lookup('95.216.1.1', { log, write: false }).verdict === 'unknown'; i++) {
    if (i === 6000) throw new Error('nothing was compiled: is @ip-location-db/asn installed?')
    await new Promise(resolve => setTimeout(resolve, 20))
  }
`
const cases = [['bare Node.js', ''], ['first start, compiling AS numbers', provider], ['later start, reading the snapshot', provider]]
console.log(`Node ${process.version}, peak resident memory in MB\n`)
try {
  for (const [name, code] of cases) {
    const script = join(folder, 'process.mjs')
    writeFileSync(script, `${code}\nprocess.stdout.write(String(process.resourceUsage().maxRSS))`)
    const kilobytes = Number(execFileSync(process.execPath, [script], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] }))
    console.log(name.padEnd(36) + String(Math.round(kilobytes * 1024 / 1e6)).padStart(5))
  }
} finally {
  rmSync(folder, { recursive: true })
}
