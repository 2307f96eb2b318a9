import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

/** IPLogs' bulk call; beyond `answered` calls it does not answer until `release`. */
export async function bulkServer (t: { teardown (end: () => unknown): void }) {
  let held: (() => void)[] = []
  const server = createServer(async (request, response) => {
    let text = ''
    for await (const chunk of request) text += String(chunk)
    const ips = (JSON.parse(text) as { ips: string[] }).ips
    iplogs.calls.push(ips)
    if (iplogs.calls.length > iplogs.answered) await new Promise<void>(resolve => held.push(resolve))
    const results = ips.map(ip => ({ ip, verdict: ip.endsWith('.7') ? 'vpn_detected' : 'clean', score: ip.endsWith('.7') ? 0.9 : 0.1, country: 'EX', asn: 'AS64496', provider: '<b>=VPN</b>' }))
    response.end(JSON.stringify({ results }))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  const iplogs = {
    calls: [] as string[][],
    answered: Infinity,
    env: { IP_RISK_PROVIDER: 'iplogs', IP_RISK_IPLOGS_URL: `http://127.0.0.1:${(server.address() as AddressInfo).port}` },
    release () {
      iplogs.answered = Infinity
      for (const resolve of held) resolve()
      held = []
    }
  }
  return iplogs
}

/** An access log. Each 256th address ends with .7, and is the one that IPLogs here knows. */
export const logOf = (lines: number, addresses: number) => Array.from({ length: lines }, (_, i) => {
  const n = i % addresses
  return `8.${n >> 16}.${(n >> 8) & 255}.${n & 255} - - [10/Oct/2026:13:${String(Math.floor(i / 100) % 60).padStart(2, '0')}:36 +0000] "${
    i % 3 === 0 ? 'POST /signup' : 'GET /<b>x</b>'} HTTP/1.1" 200 ${i} "-" "x"\n`
}).join('')
