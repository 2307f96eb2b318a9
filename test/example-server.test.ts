import t from 'tap'
import { spawn } from 'node:child_process'
import { freePort } from './support/redis.ts'

const everyStatus = [200, 401, 403]

t.test('the example answers its printed curl lines as it says, one for each kind of visitor', async t => {
  const port = await freePort()
  const shop = spawn(process.execPath, ['--import', 'tsx', 'examples/server.ts'], {
    env: { ...process.env, PORT: String(port), NODE_OPTIONS: '' }, stdio: ['ignore', 'pipe', 'inherit']
  })
  t.teardown(() => shop.kill())
  let printed = ''
  for await (const chunk of shop.stdout.setEncoding('utf8')) {
    printed += chunk
    if (printed.includes('/whoami\n')) break
  }
  const tries = [...printed.matchAll(/^# (?<what>.*): (?<status>\d+)\ncurl (?<args>.*)$/gm)].map(match => match.groups!)
  t.equal(tries.length, 10)
  t.same([...new Set(tries.map(({ status }) => Number(status)))].sort(), everyStatus, 'every kind of answer is among them')
  for (const { what = '', status, args = '' } of tries) {
    const headers = [...args.matchAll(/-H '(?<name>[^:]+): (?<value>[^']+)'/g)].map(({ groups }) => [groups!['name']!, groups!['value']!] as [string, string])
    const reply = await fetch(args.split(' ').at(-1)!, { method: args.includes('-X POST') ? 'POST' : 'GET', headers })
    t.equal(reply.status, Number(status), what)
  }
  const risk = await (await fetch(`http://127.0.0.1:${port}/whoami`, { headers: { 'x-forwarded-for': '198.51.100.50' } })).json()
  t.match(risk, { ip: '198.51.100.50', source: 'x-forwarded-for', verdict: 'vpn_detected', categories: ['tor'], provider: 'lists', write: false })
})
