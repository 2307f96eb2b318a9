import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { KnownAnswer, Provider, ProviderAnswer } from '../../types/contract.ts'

/** A provider of several processes: each asks one HTTP server, which counts. */
export interface CountingServer {
  readonly url: string
  /** How often each address was asked about. */
  readonly asked: Map<string, number>
  delayMs: number
  failing: boolean
  close (): Promise<void>
}

export async function countingServer (delayMs: number): Promise<CountingServer> {
  const asked = new Map<string, number>()
  const server = createServer((request, response) => {
    const ip = request.url!.slice(1)
    asked.set(ip, (asked.get(ip) ?? 0) + 1)
    setTimeout(() => {
      response.statusCode = counting.failing ? 503 : 200
      response.end(JSON.stringify(answerAbout(ip)))
    }, counting.delayMs).unref()
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const counting: CountingServer = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked,
    delayMs,
    failing: false,
    async close () {
      server.closeAllConnections()
      await new Promise(resolve => server.close(resolve))
    }
  }
  return counting
}

/** What is true of an address: by its last digit. */
export function answerAbout (ip: string): KnownAnswer {
  const isVpn = Number(ip.at(-1)) % 2 === 1
  return {
    verdict: isVpn ? 'vpn_detected' : 'clean', score: isVpn ? 0.9 : 0.1, isVpn, confidence: 0.9, signals: [], info: { org: `of ${ip}` }, categories: []
  }
}

export function askServer (url: string): Provider {
  return {
    name: 'counting',
    maxConcurrent: 1000,
    async lookup (ip, { signal }): Promise<ProviderAnswer> {
      const response = await fetch(`${url}/${ip}`, { signal })
      const answer = await response.json() as KnownAnswer
      return response.ok ? answer : { verdict: 'unknown', reason: 'unavailable' }
    }
  }
}
