// `ip-risk review` beside floors: CPU for each line with lists(), memory over 1,000,000 lines, and bulk calls to IPLogs.
//   npm run build && node bench/review.js [lines, default 1000000]
// The floor reads, parses and writes the same rows, with one constant verdict.
import { spawnSync } from 'node:child_process'
import { createReadStream, mkdtempSync, rmSync, writeSync, openSync, closeSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { createServer } from 'node:http'
import { once } from 'node:events'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import '../scripts/strip-types.js'
import { logText } from './access-log.js'

const self = fileURLToPath(import.meta.url)
const [first = '1000000', ...rest] = process.argv.slice(2)

if (first === 'floor') await floor(...rest)
else if (first === 'review') await review(rest)
else await compare(Number(first))

async function floor (input, output) {
  const { combinedFormat } = await import('../lib/cli/review/access-log.ts')
  const { csvCell } = await import('../lib/cli/review/csv.ts')
  const format = combinedFormat([], undefined)
  const handle = await open(output, 'w')
  let [carried, text] = ['', '']
  for await (const chunk of createReadStream(input, { highWaterMark: 262_144 })) {
    const lines = (carried + chunk.toString('latin1')).split('\n')
    carried = lines.pop()
    for (const line of lines) {
      for (const cell of format.parse(line).cells) text += `${csvCell(cell)},`
      text += 'clean,0,,AS64496,Example,,lists,allow\n'
      if (text.length < 262_144) continue
      await handle.write(Buffer.from(text, 'latin1'))
      text = ''
    }
  }
  await handle.write(Buffer.from(text, 'latin1'))
  await handle.close()
  usage()
}

/** The package's own command, in this process. */
async function review (args) {
  process.argv.splice(2, Infinity, 'review', ...args)
  process.once('exit', usage)
  await import('../dist/lib/cli/main.js')
}

function usage () {
  const { user, system } = process.cpuUsage()
  process.stdout.write(JSON.stringify({ cpuMs: (user + system) / 1000, rssMb: process.resourceUsage().maxRSS / 1024 }))
}

function run (...args) {
  const { stdout, stderr, status } = spawnSync(process.execPath, [self, ...args], { encoding: 'utf8' })
  if (status !== 0) throw new Error(stderr)
  return JSON.parse(stdout)
}

async function compare (lines) {
  const folder = mkdtempSync(join(tmpdir(), 'ip-risk-review-'))
  const file = name => join(folder, name)
  const write = (name, count, addresses) => {
    const handle = openSync(file(name), 'w')
    for (const text of logText(count, addresses)) writeSync(handle, text)
    closeSync(handle)
    return file(name)
  }
  try {
    const tiny = write('tiny.log', 10)
    const start = { floor: run('floor', tiny, file('o')), review: run('review', tiny, '--output', file('o'), '--force') }
    const rows = []
    for (const [name, addresses] of [['every address once', lines], ['ten lines for each address', lines / 10]]) {
      const input = write('big.log', lines, addresses)
      const least = run('floor', input, file('floor.csv'))
      const ours = run('review', input, '--output', file('ours.csv'), '--force')
      const perLine = (whole, begun) => (whole.cpuMs - begun.cpuMs) / lines * 1000
      const [a, b] = [perLine(least, start.floor), perLine(ours, start.review)]
      rows.push({
        log: name,
        'CPU, floor = 1': (b / a).toFixed(2),
        'us CPU a line': b.toFixed(1),
        'floor, us CPU a line': a.toFixed(1),
        'most MB': ours.rssMb.toFixed(0),
        'most MB, ten lines': start.review.rssMb.toFixed(0)
      })
    }
    console.log(`lists(), ${lines} lines; the floor reads, parses and writes the same rows, with one constant verdict`)
    console.table(rows)
    await bulk(write('bulk.log', 20_000), tiny)
  } finally {
    rmSync(folder, { recursive: true })
  }
}

/** Each call takes 200 ms, and four are in flight. The floor makes the same calls by fetch, and does nothing else. */
async function bulk (input, tiny) {
  const callMs = 200
  let calls = 0
  const server = createServer(async (request, response) => {
    calls++
    let text = ''
    for await (const chunk of request) text += chunk
    const results = JSON.parse(text).ips.map(ip => ({ ip, verdict: 'clean', score: 0 }))
    setTimeout(() => response.end(JSON.stringify({ results })), callMs)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { createIo } = await import('../lib/cli/io.ts')
  const { runCli } = await import('../lib/cli/run.ts')
  const { stdin, stdout, stderr } = process
  const url = `http://127.0.0.1:${server.address().port}`
  const env = { IP_RISK_PROVIDER: 'iplogs', IP_RISK_IPLOGS_URL: url }
  // The first review loads the code.
  await runCli(['review', tiny, '--output', `${tiny}.csv`], createIo({ env, stdin, stdout, stderr }))
  calls = 0
  const begun = performance.now()
  await runCli(['review', input, '--output', `${input}.csv`], createIo({ env, stdin, stdout, stderr }))
  const ms = performance.now() - begun
  const made = calls
  const body = JSON.stringify({ ips: Array.from({ length: 100 }, (_, i) => `8.8.8.${i}`) })
  const floorBegun = performance.now()
  let left = made
  await Promise.all(Array.from({ length: 4 }, async () => {
    while (left-- > 0) await (await fetch(`${url}/v1/bulk-check`, { method: 'POST', body })).json()
  }))
  const floorMs = performance.now() - floorBegun
  server.closeAllConnections()
  server.close()
  console.log(`IPLogs, 20000 addresses, ${callMs} ms a call, four in flight; the floor makes the same calls, and nothing else`)
  console.table([{
    calls: made,
    'time, floor = 1': (ms / floorMs).toFixed(2),
    ms: ms.toFixed(0),
    'floor, ms': floorMs.toFixed(0),
    'without any work, ms': Math.ceil(made / 4) * callMs
  }])
}
