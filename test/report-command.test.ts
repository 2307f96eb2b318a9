import t from 'tap'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough, Readable } from 'node:stream'
import { gzipSync } from 'node:zlib'
import Fastify from 'fastify'
import { createIo } from '../lib/cli/io.ts'
import { runCli } from '../lib/cli/run.ts'
import ipRisk, { type DecisionRecord, type FastifyIpRiskOptions, type RiskReport } from '../lib/index.ts'
import { pinoLog } from './support/log.ts'
import { visitorProvider, visitors } from './support/table-provider.ts'

const folder = mkdtempSync(join(tmpdir(), 'ip-risk-report-'))
t.teardown(() => rmSync(folder, { recursive: true, force: true }))

async function run (args: readonly string[], input = ''): Promise<{ code: number, out: string, err: string }> {
  const [stdout, stderr] = [new PassThrough(), new PassThrough()]
  const chunks: { out: string, err: string } = { out: '', err: '' }
  stdout.on('data', chunk => { chunks.out += String(chunk) })
  stderr.on('data', chunk => { chunks.err += String(chunk) })
  const code = await runCli(['report', ...args], createIo({ env: {}, stdin: Readable.from([input]), stdout, stderr }))
  await new Promise(resolve => setImmediate(resolve))
  return { code, ...chunks }
}

async function recorded (): Promise<{ records: DecisionRecord[], report: RiskReport }> {
  const records: DecisionRecord[] = []
  const app = Fastify()
  await app.register(ipRisk, { provider: visitorProvider(), mode: 'monitor', onDecision: record => { records.push(record) } })
  app.post('/signup', { config: { ipRisk: 'signup' } }, async () => ({}))
  for (const remoteAddress of [visitors.vpn_detected, visitors.clean, visitors.vpn_detected]) {
    await app.inject({ method: 'POST', url: '/signup', remoteAddress })
  }
  const report = app.ipRisk.report()
  await app.close()
  return { records, report }
}

t.test('the report of recorded decisions is that of the process that recorded them', async t => {
  const { records, report } = await recorded()
  const lines = records.map(record => JSON.stringify(record)).join('\n')
  writeFileSync(join(folder, 'a.ndjson'), lines)
  writeFileSync(join(folder, 'a.ndjson.gz'), gzipSync(lines))
  for (const file of ['a.ndjson', 'a.ndjson.gz']) {
    const { code, out } = await run([join(folder, file), '--json'])
    t.equal(code, 0)
    const { from, to, ...same } = JSON.parse(out) as RiskReport
    const { from: started, to: asked, ...live } = report
    t.same(same, live, file)
    t.ok(from! >= started! && to! <= asked!)
  }
  t.match(report, { total: { requests: 3, wouldBlock: 2 }, actions: [{ key: 'signup', requests: 3, wouldBlock: 2 }] })
})

t.test('it reads log lines on standard input, counts what is no decision, and writes text or a page', async t => {
  const { records } = await recorded()
  const log = ['{"level":30,"msg":"listening"}', ...records.map(record => JSON.stringify({ level: 30, ipRisk: record })), '', 'broken'].join('\n')
  const text = await run([], log)
  t.match(text, { code: 0, out: /^Of 3 requests, 0 were blocked.* 2 more would be blocked/, err: /skipped 2 lines/ })
  t.match((await run(['--html'], log)).out, /^<!doctype html>[^]*signup/)
})

t.test('--stats adds how the candidates of shadow() compare, over several processes', async t => {
  const { records } = await recorded()
  const log = records.map(record => JSON.stringify(record)).join('\n')
  const shadow = {
    asked: 10,
    agreed: 6,
    disagreed: 2,
    onlyPrimary: 1,
    onlyCandidate: 0,
    errors: { timeout: 1 },
    verdicts: { clean_to_vpn_detected: 2 },
    categories: { tor: 2 },
    latencyMs: { count: 9, sum: 900, max: 300 },
    cost: 0.5
  }
  const files = [1, 2].map(i => join(folder, `stats-${i}.json`))
  writeFileSync(files[0]!, JSON.stringify({ composites: { 'shadow(a,b)': { shadow, maxCostPerDay: 2 } } }))
  writeFileSync(files[1]!, JSON.stringify({ composites: { 'shadow(a,b)': { shadow: { ...shadow, latencyMs: { count: 1, sum: 500, max: 500 }, evil: '<b>' }, maxCostPerDay: 2 } } }))
  const args = files.flatMap(file => ['--stats', file])
  const json = JSON.parse((await run([...args, '--json'], log)).out) as RiskReport
  t.match(json.composites, { 'shadow(a,b)': { maxCostPerDay: 2, shadow: { asked: 20, categories: { tor: 4 }, latencyMs: { count: 10, sum: 1400, max: 500 }, cost: 1 } } })
  t.notMatch(JSON.stringify(json), 'evil')
  const text = (await run(args, log)).out
  t.match(text, /shadow\(a,b\): of 20 lookups, 12 had the same verdict and 4 another \(clean to vpn detected: 4\)/)
  t.match(text, /Mean time in ms: 140, at most 500\. Cost: 1\./)
  t.match((await run([...args, '--html'], log)).out, /Candidates beside the primary provider[^]*shadow\(a,b\)/)
  writeFileSync(files[0]!, '{"composites":1}')
  t.match(await run([...args, '--json'], log), { code: 1, err: /stats-1\.json: it has no "composites"/ })
})

t.test('no decision at all, two formats and a missing file are failures', async t => {
  t.match(await run([], 'nothing\n'), { code: 1 })
  t.match(await run(['--json', '--html'], ''), { code: 2, err: /one format/ })
  t.match(await run([join(folder, 'missing')]), { code: 1, err: /ENOENT/ })
  writeFileSync(join(folder, 'broken.gz'), 'no gzip')
  t.match(await run([join(folder, 'broken.gz')]), { code: 1, err: /header/ })
})

async function bootLine (options: FastifyIpRiskOptions): Promise<{ msg: string }[]> {
  const { lines, logger } = pinoLog<{ msg: string }>('info')
  const app = Fastify({ logger })
  await app.register(ipRisk, { provider: visitorProvider(), ...options })
  await app.register(async child => { await child.register(ipRisk, { mode: 'monitor' }) })
  await app.ready()
  await app.close()
  return lines.filter(({ msg }) => msg.startsWith('fastify-ip-risk '))
}

t.test('one line at boot says what was started, and that Redis is not set', async t => {
  const lines = await bootLine({})
  t.equal(lines.length, 1, 'a child scope that shares the engine adds none')
  t.match(lines[0]!.msg, /provider \S+, cache memory of this process only \("redis" is not set\), trusts no proxy, mode enforce, policy default/)
})

t.test('the line at boot names what differs from the default, and no address', async t => {
  const [line] = await bootLine({
    clientIp: { trusted: ['10.1.2.3', 'loopback'], cloudflare: true }, mode: 'monitor', policy: { write: { vpn_likely: 'block' } }
  })
  t.match(line!.msg, /trusts 2 entries of clientIp.trusted and trusts Cloudflare, mode monitor, policy write\.vpn_likely=block, Cloudflare's ranges \d+ days old/)
  t.notMatch(JSON.stringify(line), /10\.1\.2\.3/)
  t.match((await bootLine({ policy: () => 'allow' }))[0]!.msg, /policy a function/)
})
