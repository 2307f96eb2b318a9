import t from 'tap'
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, utimesSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { commands } from '../lib/cli/commands.ts'
import { asnSnapshotPath } from '../lib/lists/database/snapshot-files.ts'
import { runCompileJob } from '../lib/lists/compile/compile-job.ts'
import { publishers } from '../lib/lists/sources/publishers.ts'
import { version } from '../lib/util/version.ts'
import { mmdbIn, runCommand } from './support/cli.ts'
import { replaceFile } from '../lib/util/index.ts'

type Test = { testdir (): string, teardown (end: () => unknown): void }

const run = async (env: Record<string, string>, ...args: string[]) => await runCommand(args, { env })

t.test('shows help and the version', async t => {
  t.match(await run({}, '--help'), { code: 0, out: /^Usage: ip-risk <command>/, err: '' })
  t.match(await run({}, 'help'), { code: 0 })
  t.match(await run({}, 'help', 'check'), { code: 0, out: /Usage: ip-risk check \[ADDRESS/ })
  t.match(await run({}, 'check', '--help'), { code: 0, out: /Usage: ip-risk check \[ADDRESS/ })
  t.match(await run({}, 'lists', '-h'), { code: 0, out: /Usage: ip-risk lists pull\|compile\|info/ })
  t.match(await run({}, '--version'), { code: 0, out: version })
  t.match(await run({}, '-v'), { code: 0, out: version })
  t.match(await run({}), { code: 2, out: '', err: /^Usage/ })
})

t.test('the help of every command fits a screen and names all of its options', async t => {
  const general = (await run({}, '--help')).out
  for (const [name, { load }] of Object.entries(commands)) {
    const { out } = await run({}, name, '--help')
    const lines = out.split('\n')
    t.ok(lines.length <= 40, `${name}: ${lines.length} lines`)
    t.same(lines.filter(line => line.length > 80), [], `${name}: columns`)
    for (const option of Object.keys((await load()).options)) t.match(out, `--${option} `.trimEnd(), name)
    t.match(general, new RegExp(`^  ${name} +\\S`, 'm'))
  }
  t.same(general.split('\n').filter(line => line.length > 80), [])
})

t.test('completes commands, actions and options in the shell', async t => {
  for (const shell of ['bash', 'zsh', 'fish']) {
    const { code, out } = await run({}, 'completion', shell)
    t.equal(code, 0)
    for (const name of Object.keys(commands)) t.match(out, name, shell)
    if (spawnSync(shell, ['-c', 'true']).status === 0) t.equal(spawnSync(shell, ['-n', '-c', out]).status, 0, `${shell} reads it`)
  }
  const { out } = await run({}, 'completion', 'bash')
  const complete = (...words: string[]) => spawnSync('bash', ['-c', `${out}
    COMP_WORDS=(${words.map(word => `'${word}'`).join(' ')}) COMP_CWORD=${words.length - 1}; _ip_risk; echo "\${COMPREPLY[@]}"`
  ], { encoding: 'utf8' }).stdout.trim()
  t.equal(complete('ip-risk', 'ch'), 'check')
  t.equal(complete('ip-risk', 'lists', 'p'), 'pull')
  t.equal(complete('ip-risk', 'check', '--js'), '--json')
})

t.test('a wrong command line is exit code 2, and names the fix', async t => {
  const rows: [string[], RegExp, Record<string, string>?][] = [
    [['chekc'], /no command "chekc"/],
    [['constructor'], /no command/],
    [['check'], /at least one address/],
    [['check', '192.0.2.1', '--flags', 'm'], /options of getipintel/],
    [['check', '192.0.2.1', '--oflags', 'z', '--provider', 'getipintel'], /getipintel\.oflags/, { GETIPINTEL_CONTACT: 'a@example.com' }],
    [['check', '192.0.2.1', '--jsn'], /Unknown option '--jsn'/],
    [['check', '192.0.2.1', '--provider'], /'--provider <value>' argument missing/],
    [['check', '192.0.2.1', '--timeout-ms', '0'], /--timeout-ms must be a whole number from 1 to 600000, got "0"/],
    [['check', '192.0.2.1', '--timeout-ms', 'soon'], /--timeout-ms/],
    [['check', '192.0.2.1', '--provider', 'ipquality'], /no provider "ipquality": use lists, iplogs, getipintel or mmdb:PATH/],
    [['check', '192.0.2.1', '--provider', 'mmdb:'], /no provider/],
    [['check', '192.0.2.1', '--provider', 'mmdb:/nowhere.mmdb'], /^ip-risk: option "mmdb\.path" cannot be used/],
    [['check', '192.0.2.1', '--provider', 'getipintel'], /set GETIPINTEL_CONTACT/],
    [['check', '192.0.2.1', '--provider', 'getipintel'], /getipintel\.contact/, { GETIPINTEL_CONTACT: 'nobody' }],
    [['check', '192.0.2.1', '--redis', 'localhost', '--provider', 'iplogs'], /option "redis" must be a URL/],
    [['lists'], /one of pull, compile, info/],
    [['completion', 'tcsh'], /one of bash, zsh, fish/],
    [['lists', 'push'], /one of pull/],
    [['lists', 'pull', 'x'], /one of pull/],
    [['lists', 'pull', '--only', 'x4bnet-vpn-v4,nothing'], /--only: there is no list "nothing": use some of x4bnet-vpn-v4/],
    [['lists', 'pull', '--skip', 'nothing'], /--skip: there is no list/],
    [['lists', 'pull', '--mirror', 'ftp://mirror'], /--mirror must be/],
    [['lists', 'pull', '--mirror', 'mirror'], /--mirror must be/]
  ]
  for (const [args, message, env = {}] of rows) {
    const { code, out, err } = await run(env, ...args)
    t.same([code, out], [2, ''], args.join(' '))
    t.match(err, message)
    t.equal(err.split('\n').length, 1, 'one line')
  }
})

/** Serves lists under the paths that `--mirror` asks for. */
async function mirror (t: Test, lists: Record<string, string>) {
  const server = createServer((request, response) => {
    const source = publishers.find(({ url }) => `/${url.replace('https://', '')}` === request.url)
    const body = source === undefined ? undefined : lists[source.id]
    if (body === undefined) response.writeHead(404).end()
    else response.end(body)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

t.test('lists are pulled, compiled, described, and answer', async t => {
  const folder = t.testdir()
  const env = { XDG_CACHE_HOME: folder }
  const lists: Record<string, string> = {
    'vpn-mullvad': '192.0.2.1\n192.0.2.2\n2001:db8::1\n',
    'x4bnet-vpn-asn': `${Array.from({ length: 20 }, (_, i) => `AS${64496 + i}`).join('\n')}\nno number`
  }
  const url = await mirror(t, lists)
  t.match(await run(env, 'lists', 'info'), { code: 1, out: '', err: /there is no snapshot in .*: run "ip-risk lists pull"/ })
  t.match(await run(env, 'lists', 'compile', '--no-asn'), { code: 1, err: /nothing to compile/ })

  const pulled = await run(env, 'lists', 'pull', '--mirror', url, '--only', 'vpn-mullvad,x4bnet-vpn-asn,ipsum', '--no-asn', '--timeout-ms', '5000')
  t.equal(pulled.code, 1, 'one of them failed')
  t.match(pulled.out, /^vpn-mullvad {2}new {2}3 rows$/m)
  t.match(pulled.out, /^2 lists compiled into .*lists\.snapshot \(\d+ bytes\)$/m)
  t.match(pulled.err, /^ip-risk: ipsum failed: its publisher answered 404 \(http:\/\/127\.0\.0\.1:\d+\/raw\.githubusercontent\.com\/stamparm\/ipsum\/HEAD\/levels\/3\.txt\)$/m)
  t.match(pulled.err, /^ip-risk: 1 of 3 failed$/m)
  t.match(pulled.err, /^ip-risk: x4bnet-vpn-asn: 1 of 21 rows not understood \(first: line 21\)$/m)
  t.match(pulled.err, /without AS numbers/)

  const info = await run(env, 'lists', 'info')
  t.equal(info.code, 0)
  t.match(info.out, /^networks {3}none: npm install/m)
  t.match(info.out, /^vpn-mullvad +vpn-server +2 +1 +0 +0 d$/m)
  t.match(info.out, /^x4bnet-vpn-asn +vpn-asn +0 +0 +20 +0 d +trust 0\.762$/m)
  const json = JSON.parse((await run(env, 'lists', 'info', '--json')).out) as { lists: { id: string }[] }
  t.same(json.lists.map(({ id }) => id), ['x4bnet-vpn-asn', 'vpn-mullvad'])
  t.match(await run(env, 'check', '192.0.2.1', '192.0.2.9'), { code: 0, out: /^192\.0\.2\.1 {2}vpn_detected +1 {2}vpn {2}.*known_vpn_exact 1 \(mullvad/ })

  lists['vpn-mullvad'] = '192.0.2.1'
  const refused = await run(env, 'lists', 'pull', '--mirror', url, '--only', 'vpn-mullvad', '--no-asn')
  t.match(refused, { code: 1, err: /vpn-mullvad refused: it has 1 rows, the one before had 3, and may change by 50 % \("ip-risk lists pull --accept-size" accepts more\); the list from before stays$/m })
  t.match((await run(env, 'check', '192.0.2.2')).out, /vpn_detected/)
  t.match(await run(env, 'lists', 'pull', '--mirror', url, '--only', 'vpn-mullvad', '--no-asn', '--accept-size'), { code: 0, out: /updated {2}1 row$/m })
  t.notMatch((await run(env, 'check', '192.0.2.2')).out, /known_vpn_exact/)
  t.match(await run(env, 'lists', 'compile', '--no-asn', '--skip', 'vpn-mullvad'), { code: 0, out: /^1 lists compiled/ })
})

t.test('lists are compiled with the networks of the optional package, which alone is enough to check', async t => {
  const folder = t.testdir()
  const env = { XDG_CACHE_HOME: folder }
  const url = await mirror(t, { 'vpn-mullvad': '192.0.2.1' })
  const checked = await run(env, 'check', '8.8.8.8')
  t.match(checked, { code: 0, out: /^8\.8\.8\.8 .*AS15169/, err: /compiling @ip-location-db\/asn [\d.]+, once/ })
  t.match(await run(env, 'check', '8.8.8.8'), { code: 0, err: '' }, 'once')
  t.match(await run(env, 'lists', 'info'), { code: 0, out: /^networks {3}\d+ from @ip-location-db\/asn/m })
  const other = join(folder, 'other')
  const pulled = await run(env, 'lists', 'pull', '--mirror', url, '--only', 'vpn-mullvad', '--folder', other)
  t.match(pulled, { code: 0, out: /1 lists and \d{5} networks compiled into .*other/, err: '' })
})

t.test('check compiles networks anew where those of the cache folder are outdated or broken, and answers where it cannot keep them', async t => {
  const folder = t.testdir({
    'asn-ipv4.csv': '8.8.8.0,8.8.8.255,64500,Of an older package',
    'asn-ipv6.csv': '2a00::,2a00::ffff,64500,Of an older package'
  })
  const asnPackage = { folder, source: '@ip-location-db/asn 1.0.0' }
  const path = asnSnapshotPath(join(folder, 'fastify-ip-risk'))
  const env = { XDG_CACHE_HOME: folder }
  replaceFile(path, runCompileJob({ sources: [], covers: [], builtIn: true, asnPackage, nowSeconds: 1_800_000_000 }))
  t.match(await run(env, 'check', '8.8.8.8'), { code: 0, out: /AS15169/, err: /^ip-risk: compiling @ip-location-db\/asn [\d.]+, once$/ }, 'outdated')
  t.match(await run(env, 'check', '8.8.8.8'), { code: 0, out: /AS15169/, err: '' }, 'once')
  writeFileSync(path, 'broken')
  t.match(await run(env, 'check', '8.8.8.8'), { code: 0, out: /AS15169/, err: /compiling.*\n.*cache folder cannot be used/ }, 'broken')
  t.match(await run(env, 'check', '8.8.8.8'), { code: 0, out: /AS15169/, err: '' }, 'written again')
  const file = join(folder, 'file')
  writeFileSync(file, '')
  t.match(await run({ XDG_CACHE_HOME: file }, 'check', '8.8.8.8'), { code: 0, out: /AS15169/, err: /cannot be kept.*ENOTDIR/ }, 'not to be written')
})

t.test('equal causes of failed lists are one line, and files of killed processes are removed', async t => {
  const folder = t.testdir({ 'lists.snapshot.7b1c5c3e-0d0a-4c58-9a5d-0123456789ab.new': 'x', 'mine.new': 'x', lists: { 'ipsum.list.7b1c5c3e-0d0a-4c58-9a5d-0123456789ab.tmp': 'x' } })
  const young = join(folder, 'lists', 'tor.list.7b1c5c3e-0d0a-4c58-9a5d-0123456789ac.tmp')
  writeFileSync(young, 'x')
  const old = new Date(Date.now() - 7_200_000)
  const orphans = ['lists.snapshot.7b1c5c3e-0d0a-4c58-9a5d-0123456789ab.new', 'lists/ipsum.list.7b1c5c3e-0d0a-4c58-9a5d-0123456789ab.tmp'].map(name => join(folder, name))
  for (const path of [...orphans, join(folder, 'mine.new')]) utimesSync(path, old, old)
  const { code, out, err } = await run({}, 'lists', 'pull', '--mirror', await mirror(t, {}), '--no-asn', '--folder', folder)
  t.same([code, out], [1, ''])
  const count = publishers.length
  t.match(err, new RegExp(`^ip-risk: ${count} lists failed: its publisher answered 404 \\(the first is http://127\\.0\\.0\\.1:\\d+/raw\\S+\\): [a-z0-9-]+(, [a-z0-9-]+){${count - 1}}$`, 'm'))
  t.match(err, new RegExp(`\nip-risk: ${count} of ${count} failed$`))
  t.same([...orphans, join(folder, 'mine.new'), young].map(path => existsSync(path)), [false, false, true, true], 'but no file that may be in use, or of somebody else')
})

t.test('a folder that cannot be read is a failure, not a wrong command line', async t => {
  const folder = t.testdir()
  mkdirSync(join(folder, 'fastify-ip-risk', 'lists.snapshot'), { recursive: true })
  t.match(await run({ XDG_CACHE_HOME: folder }, 'lists', 'info'), { code: 1, err: /EISDIR/ })
  writeFileSync(join(folder, 'file'), '')
  t.match(await run({}, 'lists', 'pull', '--only', 'ipsum', '--no-asn', '--folder', join(folder, 'file')), { code: 1, err: /ip-risk: E/ })
})

t.test('a list past its half-life is marked', async t => {
  const folder = t.testdir()
  const env = { XDG_CACHE_HOME: folder }
  const url = await mirror(t, { ipsum: '192.0.2.1' })
  await run(env, 'lists', 'pull', '--mirror', url, '--only', 'ipsum', '--no-asn')
  const path = join(folder, 'fastify-ip-risk', 'lists', 'ipsum.list')
  writeFileSync(path, readFileSync(path, 'utf8').replace(/"dateSeconds":\d+/, '"dateSeconds":1700000000'))
  await run(env, 'lists', 'compile', '--no-asn')
  t.match((await run(env, 'lists', 'info')).out, /^ipsum .* d {2}past its half-life of 14 d$/m)
})

t.test('as its user runs it: the built program', async t => {
  const program = new URL('../dist/lib/cli/main.js', import.meta.url).pathname
  if (!existsSync(program)) spawnSync(process.execPath, [new URL('../scripts/build.js', import.meta.url).pathname])
  const ask = (...args: string[]) => {
    const { status, stdout, stderr } = spawnSync(process.execPath, [program, ...args], { encoding: 'utf8', env: { ...process.env, IP_RISK_PROVIDER: `mmdb:${mmdbIn(t)}` } })
    return { status, stdout, stderr }
  }
  t.match(readFileSync(program, 'utf8'), /^#!\/usr\/bin\/env node\n/)
  t.same(ask('--version'), { status: 0, stdout: `${version}\n`, stderr: '' })
  t.match(ask('check', '192.0.2.7'), { status: 0, stdout: /^192\.0\.2\.7 {2}vpn_likely .*\n$/, stderr: '' })
  t.match(ask('check', 'x'), { status: 1, stdout: '', stderr: 'ip-risk: "x" is not an IP address\n' })
  t.match(ask('check', '192.0.2.7', '--provider', 'mmdb:/nowhere'), { status: 2, stdout: '', stderr: /cannot be used/ })

  const child = spawn(process.execPath, [program, 'check', ...Array(3000).fill('192.0.2.7')], { env: { ...process.env, IP_RISK_PROVIDER: `mmdb:${mmdbIn(t)}` }, stdio: ['ignore', 'pipe', 'pipe'] })
  let stderr = ''
  child.stderr.on('data', data => { stderr += String(data) })
  child.stdout.once('data', () => child.stdout.destroy())
  const [code] = await once(child, 'exit') as [number]
  t.same([code, stderr], [0, ''], 'a reader that has seen enough is no failure')

  if (existsSync('/dev/full')) {
    const full = openSync('/dev/full', 'w')
    const { status, stderr } = spawnSync(process.execPath, [program, '--help'], { encoding: 'utf8', stdio: ['ignore', full, 'pipe'] })
    closeSync(full)
    t.match({ status, stderr }, { status: 1, stderr: /^ip-risk: cannot write: ENOSPC/ })
  }
})
