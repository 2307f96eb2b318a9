// The provider of the soak, a process of its own: IPLogs' `/v1/check`, right, slow, failing or lying as its parent says.
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { trueReply } from './truth.ts'

export type ProviderMode = 'right' | 'slow' | 'failing' | 'lying'
/** In answer to each message: how many addresses were asked about so far, and the answers of each mode; slow ones once callers give up. */
export interface ProviderSample { readonly calls: number, readonly answers: Readonly<Record<ProviderMode, number>> }

const delayMs: Readonly<Record<ProviderMode, number>> = { right: 20, slow: 6000, failing: 20, lying: 20 }
let mode: ProviderMode = 'right'
let calls = 0
const answers = { right: 0, slow: 0, failing: 0, lying: 0 }

/** None of them is the truth, and none may become a verdict. */
const lies: readonly ((ip: string, response: ServerResponse) => void)[] = [
  (_ip, response) => { response.end('<html>It works!</html>') },
  (_ip, response) => { response.end('{"verdict":"cle') },
  (_ip, response) => { response.end('null') },
  (_ip, response) => { response.end(JSON.stringify(trueReply('192.0.2.1'))) }, // about somebody else
  (ip, response) => { response.end(JSON.stringify({ ...trueReply(ip), verdict: 'innocent' })) },
  (ip, response) => { response.end(JSON.stringify({ ...trueReply(ip), verdict: 'clean', score: 17 })) },
  (_ip, response) => { response.writeHead(200, { 'content-length': 500 }).write('{'); response.destroy() },
  (_ip, response) => { response.end(`{"verdict":"clean","x":"${'x'.repeat(2_000_000)}"}`) }
]

const server = createServer((request, response) => {
  let body = ''
  request.setEncoding('utf8').on('data', (chunk: string) => { body += chunk }).on('end', () => {
    const { ip } = JSON.parse(body) as { readonly ip: string }
    calls++
    const now = mode
    response.once('close', () => { if (now === 'slow' && !response.writableEnded) answers.slow++ })
    setTimeout(() => {
      if (now !== 'slow') answers[now]++
      if (now === 'failing') response.writeHead(500).end('{"error":"internal"}')
      else if (now === 'lying') lies[answers.lying % lies.length]!(ip, response)
      else response.setHeader('content-type', 'application/json').end(JSON.stringify(trueReply(ip)))
    }, delayMs[now])
  })
})
server.listen(0, '127.0.0.1', () => process.send!((server.address() as AddressInfo).port))
process.on('message', (asked: ProviderMode | 'sample') => {
  if (asked !== 'sample') mode = asked
  process.send!({ calls, answers } satisfies ProviderSample)
})
process.on('disconnect', () => process.exit())
