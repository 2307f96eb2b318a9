import t from 'tap'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Readable, Writable } from 'node:stream'
import { gzipSync } from 'node:zlib'
import type { BulkRun, IpRisk } from '../types/contract.ts'
import { createVerdicts, type AddressVerdict } from '../lib/cli/review/verdicts.ts'
import { createIo } from '../lib/cli/io.ts'
import { createProgress, progressLine, shownDuration } from '../lib/cli/progress.ts'
import { fakeGetipintel } from '../lib/testing/index.ts'
import { bulkServer, logOf } from './support/bulk-server.ts'
import { runCommand } from './support/cli.ts'
import { until } from './support/until.ts'

function start (env: Record<string, string>, ...args: string[]): ChildProcess & { readonly text: () => string } {
  const main = new URL('../dist/lib/cli/main.js', import.meta.url).pathname
  const child = spawn(process.execPath, [main, 'review', ...args], { env: { ...process.env, ...env }, stdio: ['ignore', 'ignore', 'pipe'] })
  let text = ''
  child.stderr.on('data', data => { text += String(data) })
  return Object.assign(child, { text: () => text })
}

t.test('a review that was killed or interrupted goes on where it was, and comes to the same result', async t => {
  const folder = t.testdir()
  const log = logOf(1500, 1000)
  const plain = join(folder, 'access.log')
  writeFileSync(plain, log)
  writeFileSync(`${plain}.gz`, gzipSync(log))
  const iplogs = await bulkServer(t)
  const [whole, wholeReport] = [join(folder, 'whole.csv'), join(folder, 'whole.html')]
  await runCommand(['review', plain, '--output', whole, '--report', wholeReport], { env: iplogs.env })
  const data = (path: string) => /<script type="application\/json">(.*?)<\/script>/s.exec(readFileSync(path, 'utf8'))![1]

  for (const [input, signal] of [[plain, 'SIGKILL'], [`${plain}.gz`, 'SIGINT']] as const) {
    const [output, report] = [join(folder, `${signal}.csv`), join(folder, `${signal}.html`)]
    iplogs.calls.length = 0
    iplogs.answered = 4
    const first = start(iplogs.env, input, '--output', output, '--report', report)
    const rows = () => (JSON.parse(readFileSync(`${output}.resume`, 'utf8')) as { counts: { rows: number } }).counts.rows
    await until(() => existsSync(`${output}.resume`) && iplogs.calls.length === 8 && rows() >= 100)
    first.kill(signal)
    const [code] = await once(first, 'exit') as [number | null]
    t.equal(code, signal === 'SIGINT' ? 1 : null)
    if (signal === 'SIGINT') t.match(first.text(), /interrupted after \d+ rows; the same command with --resume goes on here/)
    const before = rows()
    t.ok(before >= 100 && before < 1500, `${before} rows were written`)
    const plainly = await runCommand(['review', input, '--output', output], { env: iplogs.env })
    t.match(plainly, { code: 2, err: /interrupted review: use --resume/ })
    const otherwise = await runCommand(['review', input, '--output', output, '--resume', '--to', 'csv'], { env: iplogs.env })
    t.match(otherwise, { code: 2, err: /other inputs or options/ })

    writeFileSync(output, 'a row that was cut by the crash', { flag: 'a' })
    iplogs.release()
    iplogs.calls.length = 0
    const resumed = await runCommand(['review', input, '--output', output, '--report', report, '--resume'], { env: iplogs.env })
    t.match(resumed, { code: 0, err: /^ip-risk: 1,500 rows in .*clean 1,494, vpn_detected 6/ }, 'counts go on, too')
    t.ok(iplogs.calls.flat().length <= 1000 - Math.min(before, 1000) + 500, 'what was written is not asked again')
    t.notOk(existsSync(`${output}.resume`))
    t.ok(readFileSync(output).equals(readFileSync(whole)), 'the same bytes')
    t.equal(data(report), data(wholeReport), 'the same report')
    t.equal(statSync(report).mode & 0o077, 0, 'which only its owner reads')
    const again = await runCommand(['review', input, '--output', output, '--report', report, '--resume'], { env: iplogs.env })
    t.match(again, { code: 0, err: /is complete: there is nothing to resume/ })
  }
})

t.test('asks about each address once, a hundred in a call, and goes on past failures', async t => {
  const iplogs = await bulkServer(t)
  const { code, err } = await runCommand(['review'], { env: iplogs.env, stdin: logOf(2000, 250) })
  t.match({ code, err }, { code: 0, err: /2,000 rows .*vpn_detected 8/ })
  t.same(iplogs.calls.map(ips => ips.length).sort(), [100, 100, 50])
  const dead = { ...iplogs.env, IP_RISK_IPLOGS_URL: 'http://127.0.0.1:1' }
  const failed = await runCommand(['review', '--retries', '0'], { env: dead, stdin: '8.8.8.8\n10.0.0.1\n' })
  t.match(failed, { code: 1, out: /^8\.8\.8\.8,unknown,,,,,,iplogs,allow\n10\.0\.0\.1,unknown/m, err: /1 row without a verdict: the lookup failed/ })
})

t.test('waits as long as the provider has no room, and tries failures again', async t => {
  const answers = ['quota_exhausted', 'quota_exhausted', 'quota_exhausted', 'timeout', 'clean'] as const
  let round = 0
  const ipRisk = {
    async * bulk (ips: Iterable<string>) {
      const answer = answers[round++]
      for (const ip of ips) yield [ip, answer === 'clean' ? { verdict: 'clean' } : { verdict: 'unknown', reason: answer }]
    },
    decide: () => 'allow' as const
  }
  const slept: number[] = []
  const waits: boolean[] = []
  const options = {
    ipRisk: ipRisk as unknown as { bulk (ips: Iterable<string>): BulkRun<IpRisk>, decide (): 'allow' },
    keptVerdicts: 10,
    retries: 1,
    signal: new AbortController().signal,
    sleep: async (ms: number) => { slept.push(ms) },
    onWait: (waiting: boolean) => { waits.push(waiting) }
  }
  const known = new Map<string, AddressVerdict>()
  const verdicts = createVerdicts(options)
  await verdicts.lookUp(['8.8.8.8'], known)
  t.equal(known.get('8.8.8.8')!.risk.verdict, 'clean')
  t.same(slept, [15_000, 15_000, 15_000, 2_000])
  t.same(waits, [true, false, true, false, true, false, true, false])
  await verdicts.lookUp(['8.8.8.8'], new Map())
  t.equal(round, 5, 'kept')
})

t.test('stops when the provider rejects the calls, and keeps what was written', async t => {
  const getipintel = await fakeGetipintel({ '8.8.8.8': -5 })
  t.teardown(() => getipintel.close())
  const folder = t.testdir({ 'in.txt': '9.9.9.9\n8.8.8.8\n1.1.1.1\n' })
  const [input, output] = [join(folder, 'in.txt'), join(folder, 'out.csv')]
  const env = { GETIPINTEL_CONTACT: 'someone@example.com', IP_RISK_GETIPINTEL_URL: getipintel.url, XDG_CACHE_HOME: folder }
  const args = ['review', input, '--provider', 'getipintel', '--flags', 'm', '--output', output]
  const { code, err } = await runCommand(args, { env })
  t.equal(code, 1)
  t.match(err, /ip-risk: stopped after 1 row; the same command with --resume goes on here\nip-risk: the provider rejects the calls/)
  t.match(readFileSync(output, 'utf8'), /^address,.*\n9\.9\.9\.9,clean,.*\n$/)
  t.ok(existsSync(`${output}.resume`))
})

t.test('a terminal gets a bar that is drawn in place, everything else a line now and then', async t => {
  const draw = (isTTY: boolean) => {
    const chunks: string[] = []
    const stderr = Object.assign(new Writable({
      write (chunk, _encoding, done) {
        chunks.push(String(chunk))
        done()
      }
    }), { isTTY, columns: 60 })
    let nowMs = 1_000_000
    const progress = createProgress(createIo({ env: {}, stdin: Readable.from([]), stdout: stderr, stderr }), 'rows', 0, () => nowMs)
    for (const rows of [0, 100, 200]) {
      progress.update({ rows, part: rows / 400 })
      progress.update({ rows, part: rows / 400 })
      nowMs += 6_000
    }
    progress.end()
    return chunks
  }
  t.same(draw(true), [
    '\r\u001b[2K[........................] 0 %  0 rows', '\r\u001b[2K[######..................] 25 %  100 rows  17/s  0:18 left',
    '\r\u001b[2K[############............] 50 %  200 rows  17/s  0:12 left', '\r\u001b[2K'
  ])
  t.same(draw(false), ['50 %  200 rows  17/s  0:12 left\n'])
})

t.test('progress names the part, the rate and the time left', t => {
  t.equal(progressLine({ rows: 430_000, part: 0.43 }, 'rows', 430_000, 43_000), '43 %  430,000 rows  10,000/s  0:57 left')
  t.equal(progressLine({ rows: 50, part: 0.5, waitingFor: 'the provider' }, 'rows', 5, 10_000, 0.4), '50 %  50 rows  0.5/s  0:50 left  waiting for the provider')
  t.equal(progressLine({ rows: 7, part: null }, 'rows', 7, 1000), '7 rows  7/s')
  t.same([7_000, 750_000, 11_100_000].map(shownDuration), ['0:07', '12:30', '3:05:00'])
  t.end()
})
