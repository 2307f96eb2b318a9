import { connect, createServer, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { Redis } from 'ioredis'
import { freePort } from '../support/redis.ts'
import { type RedisServer, redisServer } from '../support/redis-server.ts'

/** The way of one process to Redis: a TCP proxy that delays, cuts connections, and lets nothing through. */
export interface Link {
  readonly port: number
  /** `loss` is the chance that a piece of data ends its connection, which is what TCP makes of loss that lasts. */
  weather: { readonly delayMs: number, readonly loss: number }
  isCut: boolean
  close (): void
}

export async function openLink (redisPort: number): Promise<Link> {
  const sockets = new Set<Socket>()
  const held: (() => void)[] = []
  let isCut = false
  const server = createServer(near => {
    const far = connect(redisPort, '127.0.0.1')
    for (const [from, to] of [[near, far], [far, near]] as const) {
      sockets.add(from)
      let arrivalMs = 0
      const pass = (run: () => void): void => {
        // As in TCP, the data of one direction stays in order.
        arrivalMs = Math.max(arrivalMs, performance.now() + Math.random() * link.weather.delayMs)
        setTimeout(() => isCut ? held.push(run) : run(), arrivalMs - performance.now())
      }
      from.setNoDelay(true)
      from.on('data', data => {
        if (Math.random() < link.weather.loss) near.destroy()
        else pass(() => to.write(data))
      })
      from.on('error', () => {})
      from.on('close', () => {
        sockets.delete(from)
        pass(() => to.destroy())
      })
    }
  })
  const port = await freePort()
  await new Promise<void>(resolve => server.listen(port, '127.0.0.1', resolve))
  const link: Link = {
    port,
    weather: { delayMs: 0, loss: 0 },
    get isCut () { return isCut },
    set isCut (cut) {
      isCut = cut
      if (!cut) for (const run of held.splice(0)) run()
    },
    close () {
      server.close()
      for (const socket of sockets) socket.destroy()
    }
  }
  return link
}

/** What a restart of Redis leaves of its data: all, nothing, or what was there half a second before. */
export type Data = 'kept' | 'lost' | 'behind'
const BEHIND_MS = 500
/** Redis answers a ping within this, or the machine is too busy: an engine waits 100 ms. */
const LATE_MS = 40

export interface Store {
  readonly port: number
  readonly isUp: boolean
  restart (downMs: number, data: Data): Promise<void>
  close (): Promise<void>
}

/** A redis-server of its own. `late` gets each time in which it took longer than that to answer although it was up. */
export async function openStore (late: (forMs: number) => void): Promise<Store> {
  const server: RedisServer = await redisServer()
  const client = new Redis({ port: server.port, host: '127.0.0.1', retryStrategy: () => 20, maxRetriesPerRequest: null })
  client.on('error', () => {})
  let isUp = true
  const closing = new AbortController()
  const isOpen = (): boolean => !closing.signal.aborted
  const watching = (async () => {
    while (isOpen()) {
      await sleep(20)
      if (!isUp) continue
      const startMs = performance.now()
      await client.ping()
      const tookMs = performance.now() - startMs
      if (isUp && tookMs > LATE_MS) late(tookMs)
    }
  })()
  return {
    port: server.port,
    get isUp () { return isUp },
    async restart (downMs, data) {
      if (!isUp) return
      isUp = false
      if (data === 'lost') await client.flushall()
      await client.save()
      if (data === 'behind') await sleep(BEHIND_MS)
      await server.kill()
      await sleep(downMs)
      if (!isOpen()) return
      await server.start()
      isUp = true
    },
    async close () {
      closing.abort()
      await watching
      client.disconnect()
      await server.close()
    }
  }
}
