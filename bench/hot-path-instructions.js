// What a memory hit costs over sockets, in instructions and cache misses of the server's process, as valgrind counts them: on a busy
// machine these hardly change, where CPU time does by more than a hit costs. The caches are simulated: 32 KiB for code, 32 KiB for data,
// and 512 KiB behind them.
// `npm run build && cd bench && npm install && node hot-path-instructions.js [pattern] [--against FOLDER]`; needs valgrind (Debian's
// package), and takes two to three minutes a variant. Of several counts the median: what V8 does now and then, such as a full garbage
// collection or an optimization, falls into few of them.
import { execFileSync, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { connectAll } from './hot-path-client.js'
import { against, answerOf, names } from './hot-path-processes.js'
import { median } from './hot-path-variants.js'

if (spawnSync('valgrind', ['--version']).error !== undefined) {
  console.error('hot-path-instructions needs valgrind: apt-get install valgrind')
  process.exit(process.env.BENCH_TABLES === undefined ? 1 : 0)
}

const WARM = 80_000
const COUNTS = 9
const COUNTED = 2_400
const folder = mkdtempSync(join(tmpdir(), 'ip-risk-callgrind-'))
process.on('exit', () => rmSync(folder, { recursive: true, force: true }))

async function countsOf (name) {
  const file = join(folder, String(names.indexOf(name)))
  const child = spawn('valgrind', [
    '--tool=callgrind', '--cache-sim=yes', '--I1=32768,8,64', '--D1=32768,8,64', '--LL=524288,8,64', '--instr-atstart=no',
    '--smc-check=all-non-file', `--callgrind-out-file=${file}`, process.execPath, '--single-threaded-gc', '--min-semi-space-size=16',
    '--max-semi-space-size=16', fileURLToPath(new URL('hot-path-http-server.js', import.meta.url)), name,
    ...against === undefined ? [] : [against]
  ], { stdio: ['ignore', 'ignore', 'ignore', 'ipc'] })
  const control = (...args) => execFileSync('callgrind_control', [...args, String(child.pid)], { stdio: 'ignore' })
  const { port, method } = await answerOf(child)
  const client = await connectAll(port, method)
  await client.send(WARM)
  control('-i', 'on')
  await client.send(COUNTED)
  control('-d') // each writes what was counted since the one before into a file of its own
  for (let i = 0; i < COUNTS; i++) {
    await client.send(COUNTED)
    control('-d')
  }
  child.kill('SIGKILL')
  await once(child, 'exit')
  const counts = Array.from({ length: COUNTS }, (_, i) => sums(readFileSync(`${file}.${i + 2}`, 'latin1')))
  return [0, 1, 2].map(kind => median(counts.map(count => count[kind])))
}

/** Instructions, misses of the first cache and misses of the second one, a request. */
function sums (text) {
  const [instructions, , , ...misses] = /^totals: (.*)$/m.exec(text)[1].split(' ').map(count => Number(count) / COUNTED)
  const [first, second] = [misses.slice(0, 3), misses.slice(3)].map(some => some.reduce((sum, count) => sum + count, 0))
  return [instructions, first, second]
}

const counted = new Map()
for (const name of names.filter(name => name !== 'bare, again')) counted.set(name, await countsOf(name))
const bare = counted.get('bare')
console.log(`Added to a bare route, a request: the median of ${COUNTS} counts of ${COUNTED} requests each, over sockets, with 200 addresses`)
console.table([...counted].map(([name, counts]) => {
  const [instructions, first, second] = counts.map((count, i) => (count - bare[i]).toFixed(0))
  return {
    'before the handler': name,
    instructions,
    'misses of the first cache': first,
    'of the second': second,
    'instructions in all': counts[0].toFixed(0)
  }
}))
