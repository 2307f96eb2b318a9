import { once } from 'node:events'
import { connect } from 'node:net'
import { createHistogram, type RecordableHistogram } from 'node:perf_hooks'
import { setTimeout as sleep } from 'node:timers/promises'
import { Pool } from 'undici'
import { truthOf } from './truth.ts'

/** What visitors felt during one phase. */
export interface Felt {
  /** Requests of visitors who wait for the answer. */
  sent: number
  /** 200 for a read, or for a payment from an address that is not to be blocked. */
  admitted: number
  /** 403 for a payment from an address to block. */
  refused: number
  /** 200 for a payment from an address to block. */
  letThrough: number
  /** 403 although the address or the request is not to be blocked. */
  wronglyBlocked: number
  /** Any other status, and how often. */
  readonly otherStatuses: Map<number, number>
  /** Cut off, or no answer within ten seconds: by the code of the error. */
  readonly lost: Map<string, number>
  /** Requests whose connection the visitor reset on purpose: before an answer, or after one. */
  readonly reset: { early: number, late: number }
  /** Requests that were to be reset, and whose process had been killed. */
  unreachable: number
  /** Provider calls that a perfect fleet would have made: one per address and `ttlMs`. */
  ideal: number
  /** In microseconds, from the time at which the request was due. */
  readonly latency: RecordableHistogram
}

export interface Traffic {
  /**
   * Sends `count` requests at `pace` times the rate, and waits for the last one. `subnets`: the share that is from IPv6 networks never
   * seen before.
   */
  send (count: number, more?: { readonly subnets?: number, readonly pace?: number }): Promise<Felt>
  /** Sends no more; what is under way is lost. */
  close (): Promise<void>
}

export interface TrafficOptions {
  readonly origin: string
  /** The applications themselves, for clients that reset their connection. */
  readonly ports: readonly number[]
  readonly perSecond: number
  readonly ttlMs: number
}

/** 80 % from 2,000 regulars, 15 % from 50,000 others, 5 % never seen before, a fifth of those over IPv6. Half read, half pay. */
export function createTraffic ({ origin, ports, perSecond, ttlMs }: TrafficOptions): Traffic {
  // Idle connections end before memory is measured, a few kilobytes each: how many there are depends on the longest queue.
  const pool = new Pool(origin, { connections: 400, keepAliveMaxTimeout: 2_000, headersTimeout: 10_000, bodyTimeout: 10_000 })
  const knownUntil = new Map<string, number>()
  let sent = 0
  const closing = new AbortController()

  function address (subnets: number): string {
    const hex = (part: number): string => (0x1000 + part).toString(16)
    if (Math.random() < subnets) return `2a03:${hex(sent >> 12)}:${hex(sent & 4095)}:1::1`
    const dice = Math.random()
    if (dice < 0.8) return text(81, Math.floor(Math.random() ** 2 * 2000))
    if (dice < 0.95) return text(82, Math.floor(Math.random() * 50_000))
    return sent % 5 === 0 ? `2a02:${hex(sent >> 12)}:${hex(sent & 4095)}:1::1` : text(90, sent)
  }

  async function one (ip: string, dueMs: number, felt: Felt): Promise<void> {
    const pays = Math.random() < 0.5
    try {
      const { statusCode, body } = await pool.request({
        method: pays ? 'POST' : 'GET', path: pays ? '/pay' : '/read', headers: { 'x-forwarded-for': ip }
      })
      await body.dump()
      felt.latency.record(Math.max(1, Math.round((performance.now() - dueMs) * 1000)))
      const toBlock = pays && truthOf(ip) === 'vpn_detected'
      if (statusCode === 200) felt[toBlock ? 'letThrough' : 'admitted']++
      else if (statusCode === 403) felt[toBlock ? 'refused' : 'wronglyBlocked']++
      else countOne(felt.otherStatuses, statusCode)
    } catch (err) {
      countOne(felt.lost, (err as NodeJS.ErrnoException).code ?? String(err))
    }
  }

  /** Pays and resets the connection, as somebody does who hopes that the handler runs although nobody hears the refusal. */
  async function rude (ip: string, felt: Felt): Promise<void> {
    const socket = connect(ports[sent % ports.length]!, '127.0.0.1')
    let outcome: 'early' | 'late' = 'early'
    try {
      await once(socket, 'connect')
      socket.on('error', () => {}).on('data', () => { outcome = 'late' })
      socket.write(`POST /pay HTTP/1.1\r\nHost: soak\r\nX-Forwarded-For: ${ip}\r\nContent-Length: 0\r\n\r\n`)
      await sleep(Math.random() * 30)
      socket.resetAndDestroy()
      felt.reset[outcome]++
    } catch {
      felt.unreachable++
    }
  }

  return {
    async send (count, { subnets = 0, pace = 1 } = {}) {
      const felt = nothingFelt()
      const underWay = new Set<Promise<void>>()
      const startedMs = performance.now()
      const start = (request: Promise<void>): void => {
        underWay.add(request)
        request.finally(() => underWay.delete(request))
      }
      for (let i = 0; i < count && !closing.signal.aborted; i++) {
        const dueMs = startedMs + i / (perSecond * pace) * 1000
        if (dueMs > performance.now()) await sleep(Math.max(5, dueMs - performance.now()))
        sent++
        const ip = address(subnets)
        if ((knownUntil.get(ip) ?? 0) < dueMs) {
          felt.ideal++
          knownUntil.set(ip, dueMs + ttlMs)
        }
        if (sent % 100 === 0) start(rude(ip, felt))
        felt.sent++
        start(one(ip, dueMs, felt))
      }
      await Promise.all(underWay)
      return felt
    },
    async close () {
      closing.abort()
      await pool.destroy()
    }
  }
}

function countOne<Key> (counts: Map<Key, number>, key: Key): void {
  counts.set(key, (counts.get(key) ?? 0) + 1)
}

export function nothingFelt (): Felt {
  return {
    sent: 0,
    admitted: 0,
    refused: 0,
    letThrough: 0,
    wronglyBlocked: 0,
    otherStatuses: new Map(),
    lost: new Map(),
    reset: { early: 0, late: 0 },
    unreachable: 0,
    ideal: 0,
    latency: createHistogram()
  }
}

function text (first: number, number: number): string {
  return `${first}.${(number >> 16) & 255}.${(number >> 8) & 255}.${number & 255}`
}
