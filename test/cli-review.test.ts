import t from 'tap'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { runCommand } from './support/cli.ts'
import { mmdbFile } from './support/mmdb-writer.ts'

type Test = { testdir (files?: Record<string, string>): string }

const added = ',verdict,score,categories,asn,org,country,provider,decision'
const vpn = ',vpn_likely,0.7,vpn,,,,mmdb:anonymous-plus,step_up_auth'
const clean = ',clean,0,,,,,mmdb:anonymous-plus,allow'

/** One folder with a database and these files; the environment names the database. */
function setup (t: Test, files: Record<string, string> = {}) {
  const folder = t.testdir(files)
  const path = join(folder, 'anonymous.mmdb')
  writeFileSync(path, mmdbFile({
    databaseType: 'GeoIP-Anonymous-Plus',
    networks: { '192.0.2.0/24': { is_anonymous: true, is_anonymous_vpn: true, anonymizer_confidence: 70 } }
  }))
  return { env: { IP_RISK_PROVIDER: `mmdb:${path}` }, file: (name: string) => join(folder, name) }
}

t.test('finds the format and the addresses of an input, and keeps every column', async t => {
  const files = { 'a.csv': 'ip\n192.0.2.7\n', 'b.csv': 'ip\n203.0.113.1\n', 'c.csv': 'ip,x\n203.0.113.1,1\n' }
  const { env, file } = setup(t, files)
  const rows: [name: string, input: string, output: string, args?: string[]][] = [
    ['text', '# comment\n192.0.2.7\n\n203.0.113.1 a note\nnonsense\n',
      `address${added}\n192.0.2.7${vpn}\n203.0.113.1 a note${clean}\nnonsense,unknown,,,,,,none,elevate_risk`],
    ['CSV by the name of its column', 'id;Ip_Address;name\r\n1;192.0.2.7;"a;""b"\r\n2;;x\r\n3;203.0.113.1\r\n',
      `id;Ip_Address;name${added}\n1;192.0.2.7;"a;""b"${vpn}\n2;;x,unknown,,,,,,none,elevate_risk\n3;203.0.113.1;${clean}`.replaceAll(',', ';')],
    ['CSV by its values, with a byte order mark and quoted line feeds', '\ufeffwho,where\n"x\ny",::ffff:192.0.2.7',
      `who,where${added}\n"x\ny",::ffff:192.0.2.7${vpn}`],
    ['CSV without a header', '1,192.0.2.7', `column1,column2${added}\n1,192.0.2.7${vpn}`],
    ['CSV by a number', 'a,b\n192.0.2.7,203.0.113.1', `a,b${added}\n192.0.2.7,203.0.113.1${clean}`, ['--column', '2']],
    ['CSV that was reviewed before', 'ip,verdict\n192.0.2.7,old',
      `ip,verdict,${added.slice(1).split(',').map(name => `ip_risk_${name}`).join()}\n192.0.2.7,old${vpn}`],
    ['NDJSON', '{"n":1.50,"client":{"ip":"192.0.2.7"}}\n{}\nnot json\n',
      '{"n":1.50,"client":{"ip":"192.0.2.7"},"verdict":"vpn_likely","score":0.7,"categories":["vpn"],"asn":null,"org":null,"country":null,' +
      '"provider":"mmdb:anonymous-plus","decision":"step_up_auth"}\n{"verdict":"unknown","score":null,"categories":[],"asn":null,"org":null,' +
      '"country":null,"provider":"none","decision":"elevate_risk"}'],
    ['NDJSON to CSV, with members that come later', `{"ip":"192.0.2.7","a":{"b":"ü"}}\n${'{"ip":"203.0.113.1"}\n'.repeat(1000)}{"ip":"203.0.113.1","new":1}`,
      `ip,a,more${added}\n192.0.2.7,"{""b"":""ü""}",${vpn}\n${`203.0.113.1,,${clean}\n`.repeat(1000)}203.0.113.1,,"{""new"":1}"${clean}`, ['--to', 'csv']],
    ['text to NDJSON', '192.0.2.7', '{"address":"192.0.2.7","verdict":"vpn_likely","score":0.7,"categories":["vpn"],"asn":null,"org":null,' +
      '"country":null,"provider":"mmdb:anonymous-plus","decision":"step_up_auth"}', ['--to', 'ndjson']]
  ]
  for (const [name, input, output, args = []] of rows) {
    const { code, out } = await runCommand(['review', ...args], { env, stdin: input })
    t.same([code, out], [0, output], name)
  }
  writeFileSync(file('d.csv'), Buffer.from('name,ip\nM\xfcller,192.0.2.7\n', 'latin1'))
  const several = await runCommand(['review', file('a.csv'), file('b.csv'), '--output', file('o.csv')], { env })
  t.match(several, { code: 0, out: '', err: /^ip-risk: 2 rows in 0:0\d; verdicts: vpn_likely 1, clean 1; decisions: (step_up_auth|allow) 1/ })
  t.equal(readFileSync(file('o.csv'), 'utf8'), `ip${added}\n192.0.2.7${vpn}\n203.0.113.1${clean}\n`)
  await runCommand(['review', file('d.csv'), '--output', file('l.csv')], { env })
  t.match(readFileSync(file('l.csv'), 'latin1'), /^M\xfcller,192/m, 'bytes that are no UTF-8 stay as they are')
  const other = await runCommand(['review', file('a.csv'), file('c.csv')], { env })
  t.match(other, { code: 2, err: /c\.csv has other columns than .*a\.csv: use --to ndjson/ })
})

t.test('text that a spreadsheet would take for a formula gets an apostrophe', async t => {
  const { env } = setup(t)
  const cells = ['=1+1', '+A1', '-A1', '@SUM(A1)', '\t=1', ' =1', '＝1', '=1,"x"', '-5', '+1.5e3', '-', 'a=1', '']
  const safe = ["'=1+1", "'+A1", "'-A1", "'@SUM(A1)", '"\'\t=1"', "' =1", "'＝1", '"\'=1,""x"""', '-5', '+1.5e3', '-', 'a=1', '']
  const input = cells.map(cell => `192.0.2.7,${cell.includes('"') ? `"${cell.replaceAll('"', '""')}"` : cell}`).join('\n')
  const { out } = await runCommand(['review'], { env, stdin: `ip,=cmd()\n${input}` })
  t.same(out.split('\n'), [`ip,'=cmd()${added}`, ...safe.map(cell => `192.0.2.7,${cell}${vpn}`)])
  const json = await runCommand(['review', '--to', 'ndjson'], { env, stdin: 'ip,x\n192.0.2.7,=1' })
  t.match(json.out, '"x":"=1"', 'JSON is no spreadsheet')
})

const combined = (ip: string, request: string, status: number, more = '') =>
  `${ip} - - [10/Oct/2026:13:55:36 -0700] "${request}" ${status} 17 "-" "curl/8 \\"x\\""${more}`

t.test('reads access logs, and finds the client by the rules of the plugin', async t => {
  const { env, file } = setup(t)
  const nginx = [
    combined('10.0.0.1', 'POST /signup HTTP/1.1', 200, ' "192.0.2.7, 203.0.113.9"'),
    combined('192.0.2.8', 'GET /a?b=1 HTTP/2.0', 200, ' "198.51.100.1" rt=0.1'),
    '2026/10/10 13:55:36 [error] not a request', combined('192.0.2.7', '\\x16\\x03', 400, ' "-"')
  ].join('\n')
  const path = file('access.log.gz')
  writeFileSync(path, gzipSync(nginx))
  const packed = await runCommand(['review'], { env, stdin: gzipSync(nginx) })
  t.match(packed, { code: 0, err: /3 rows .*; 1 line was no record$/ }, 'standard input may be packed, too')
  const decisions = (text: string) => text.split('\n').slice(1).map(line => [line.split(',')[0], line.split(',').at(-1)])
  const plain = await runCommand(['review', path], { env })
  t.same(decisions(plain.out), [['10.0.0.1', 'allow'], ['192.0.2.8', 'allow'], ['192.0.2.7', 'step_up_auth']])
  t.match(plain.err, /3 rows .*; 1 line was no record$/)
  t.match(plain.out, /^address,remote_addr,ident,user,time,method,path,protocol,status,bytes,referer,user_agent,forwarded_for,more,verdict,/)
  t.match(plain.out, 'GET,/a?b=1,HTTP/2.0,200,17,-,"curl/8 \\""x\\""",198.51.100.1,rt=0.1,vpn_likely')
  const rules = ['--client-ip', '{"trusted":["10.0.0.0/8","203.0.113.9"]}', '--route', 'POST /signup=signup']
  const judged = await runCommand(['review', path, ...rules], { env })
  t.same(decisions(judged.out)[0], ['192.0.2.7', 'step_up_auth'], 'the entry that a trusted proxy wrote')
  t.same(decisions(judged.out)[1], ['192.0.2.8', 'allow'], 'not what a visitor wrote')

  const caddy = (remote: string, client: string, headers: object) => JSON.stringify({
    level: 'info', ts: 1646861401.5, request: { remote_ip: remote, client_ip: client, method: 'POST', uri: '/signup', headers }, status: 201
  })
  const caddyLog = [caddy('10.0.0.1', '203.0.113.5', { 'X-Forwarded-For': ['192.0.2.7', '10.0.0.2'] }), '{"level":"error","msg":"x"}'].join('\n')
  t.match((await runCommand(['review'], { env, stdin: caddyLog })).out, /^\{.*"status":201,"verdict":"clean".*\}$/)
  t.match((await runCommand(['review', ...rules], { env, stdin: caddyLog })).out, /"verdict":"vpn_likely".*"decision":"step_up_auth"\}$/)

  const fastify = (req: object) => JSON.stringify({ level: 30, time: 1700000000000, reqId: 'req-1', req, msg: 'incoming request' })
  const fastifyLog = `${fastify({ method: 'GET', url: '/', remoteAddress: '192.0.2.7' })}\n{"level":30,"reqId":"req-1","res":{"statusCode":200}}\n` +
    fastify({ method: 'POST', url: '/', remoteAddress: '10.0.0.1', headers: { 'x-forwarded-for': '192.0.2.9' } })
  const lines = (await runCommand(['review', ...rules], { env, stdin: fastifyLog })).out.split('\n')
  t.same(lines.map(line => (JSON.parse(line) as { decision: string }).decision), ['allow', 'step_up_auth'])
})

t.test('rows are judged as the actions that they name, by the policy that is given', async t => {
  const { env, file } = setup(t, { 'policy.json': '{"write":{"vpn_likely":"block"},"rules":[]}', 'wrong.json': '{"write":{"vpn_likely":"blok"}}' })
  const args = ['review', '--policy', file('policy.json'), '--action-column', 'action']
  const { out } = await runCommand(args, { env, stdin: 'ip,action\n192.0.2.7,signup\n' })
  t.match(out, /,block$/)
  const wrong = await runCommand(['review', '--policy', file('wrong.json')], { env, stdin: '192.0.2.7' })
  t.match(wrong, { code: 2, err: /policy\.write\.vpn_likely/ })
})

t.test('a wrong command line is exit code 2, and nothing is overwritten', async t => {
  const { file } = setup(t, { 'in.csv': 'ip\n192.0.2.7\n', 'old.csv': 'precious', 'none.csv': 'a,b\n1,2\n' })
  const env = { IP_RISK_PROVIDER: 'iplogs' }
  const rows: [string[], RegExp][] = [
    [[file('in.csv'), '--output', file('old.csv')], /old\.csv exists: use --force/],
    [[file('in.csv'), '--output', file('in.csv')], /must be different files/],
    [[file('in.csv'), '--column', 'address'], /there is no column "address" among ip/],
    [[file('none.csv')], /no column with addresses among a, b: name it with --column/],
    [[file('in.csv'), '--client-ip', '{'], /--client-ip is not JSON/],
    [[file('in.csv'), '--route', 'signup'], /--route must be like "POST \/signup=signup"/],
    [[file('in.csv'), '--to', 'xlsx'], /--to must be one of csv, ndjson, got "xlsx"/],
    [['--resume'], /--resume needs --output and files/],
    [[file('in.csv'), '-'], /cannot be combined with files/]
  ]
  for (const [args, message] of rows) t.match(await runCommand(['review', ...args], { env }), { code: 2, out: '', err: message })
  t.equal(readFileSync(file('old.csv'), 'utf8'), 'precious')
  t.match(await runCommand(['review', file('gone.csv')], { env }), { code: 1, err: /ENOENT/ })
  t.match(await runCommand(['review'], { env, stdin: 'x'.repeat(1_100_000) }), { code: 2, err: /its first line is longer than 64 KiB/ })
  const quote = await runCommand(['review'], { env, stdin: `ip,b\n192.0.2.7,x\n${'192.0.2.7,y\n'.repeat(9000)}192.0.2.7,"${'x\n'.repeat(600_000)}` })
  t.match(quote, { code: 1, err: /record \d+ is longer than 1 MiB, or a quote is not closed/ })
})
