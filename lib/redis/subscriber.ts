import { randomBytes } from 'node:crypto'
import type { RedisClientLike } from '../../types/redis.ts'
import { deferred } from '../util/index.ts'
import { isReply, type RedisPort } from './client.ts'
import type { Connection } from './connect.ts'
import { SEND } from './scripts.ts'

/** A message about an address. */
export interface Message {
  readonly kind: string
  /** The address, or its HMAC. */
  readonly id: string
  /** SHA-1 of the token of the lease that it is about; empty where it is about any. */
  readonly lease: string
  /** For how long it is valid. */
  readonly remainingMs: number
  readonly body: string
}

/** The messages of other processes, on a channel of this process, and on one for all. */
export interface Subscriber {
  /** The channel of this process. */
  readonly name: string
  /** Whether messages arrive now. */
  readonly listening: boolean
  /** Keeps the messages about an id on the channel of this process from now on. */
  expect (id: string): Expected
  /** Resolves when messages arrive for the first time, or after a second. */
  ready (): Promise<void>
  close (): void
}

export interface Expected {
  /**
   * The first message about a lease; `undefined` if there is none before `end`. One about an earlier lease may be late:
   * its verdict may be from before an invalidation.
   */
  of (lease: string): Promise<Message | undefined>
  end (): void
}

interface SubscriberEvents {
  /** A message to all processes, as it was sent. */
  broadcast (text: string): void
  /** Messages arrive from now on. Some may have been missed. */
  listening (): void
}

/** How often a message to itself is sent: a connection can be dead for long without an event. */
const CHECK_MS = 10_000
const CHECK_WAIT_MS = 2_000
const CHECK = 'check'
const READY_MS = 1_000

/** One line per field, the body last: no id has a line break. */
export function messageText (kind: string, id: string, lease = '', remainingMs = 0, body = ''): string {
  return `${kind}\n${id}\n${lease}\n${remainingMs}\n${body}`
}

function parseMessage (text: string): Message {
  const [kind = '', id = '', lease = '', remainingMs, ...body] = text.split('\n')
  return { kind, id, lease, remainingMs: Number(remainingMs), body: body.join('\n') }
}

function expectation (ended: () => void): Expected & { receive (message: Message): void } {
  const { promise, resolve } = deferred<Message | undefined>()
  const early: Message[] = []
  let lease: string | undefined

  function receive (message: Message): void {
    if (lease === undefined) early.push(message)
    else if (message.lease === '' || message.lease === lease) end(message)
  }

  function end (message?: Message): void {
    resolve(message)
    ended()
  }

  return {
    receive,
    of (asked) {
      lease = asked
      early.forEach(receive)
      return promise
    },
    end: () => end()
  }
}

export function openSubscriber (
  connection: Connection, port: RedisPort, broadcastChannel: string, events: SubscriberEvents
): Subscriber {
  const name = `ip-risk:inbox:${randomBytes(9).toString('base64url')}`
  const expected = new Map<string, Set<ReturnType<typeof expectation>>>()
  let listening = false
  let received = true
  let closed = false
  let onFirstSubscription = (): void => {}
  let subscriber = subscribe()
  const timer = setInterval(check, CHECK_MS)
  timer.unref()

  return {
    name,
    get listening () { return listening },
    expect (id) {
      const added = expectation(() => {
        const waiting = expected.get(id)
        if (waiting?.delete(added) === true && waiting.size === 0) expected.delete(id)
      })
      const others = expected.get(id)
      if (others === undefined) expected.set(id, new Set([added]))
      else others.add(added)
      return added
    },
    async ready () {
      if (listening || port.state === 'down') return
      await new Promise<void>(resolve => {
        const timer = setTimeout(resolve, READY_MS)
        onFirstSubscription = () => {
          clearTimeout(timer)
          resolve()
        }
      })
    },
    close () {
      closed = true
      onFirstSubscription()
      clearInterval(timer)
      drop(subscriber)
      for (const waiting of [...expected.values()]) for (const one of [...waiting]) one.end()
    }
  }

  function subscribe (): RedisClientLike {
    const client = connection.subscriber()
    client.on('ready', () => {
      answersAsRedis(client).then(async () => await client.subscribe(name, broadcastChannel)).then(() => {
        if (client === subscriber && !closed) arrived()
      }, () => {}) // the next check finds out
    })
    client.on('close', () => { if (client === subscriber) listening = false })
    client.on('message', (channel: string, text: string) => {
      if (channel === broadcastChannel) events.broadcast(text)
      else receive(parseMessage(text))
    })
    return client
  }

  /** Messages arrive, as far as we know. */
  function arrived (): void {
    if (listening) return
    listening = true
    onFirstSubscription()
    events.listening()
  }

  function receive (message: Message): void {
    if (message.kind === CHECK) {
      received = true
      arrived() // Redis may have subscribed us although its reply came too late
      return
    }
    for (const waiting of [...expected.get(message.id) ?? []]) waiting.receive(message)
  }

  /** Reconnects only if Redis took the message: while Redis is down, the client reconnects by itself. */
  function check (): void {
    received = false
    port.run(SEND, [], [name, messageText(CHECK, '')]).then(() => {
      setTimeout(() => {
        if (received || closed) return
        listening = false
        drop(subscriber)
        subscriber = subscribe()
      }, CHECK_WAIT_MS).unref()
    }, () => {})
  }
}

function drop (client: RedisClientLike): void {
  client.removeAllListeners('message')
  client.disconnect()
}

/** Rejects otherwise: a wrong reply to SUBSCRIBE makes ioredis throw where nothing can catch it. */
async function answersAsRedis (client: RedisClientLike): Promise<void> {
  const reply: unknown = await client.ping().catch((err: unknown) => {
    if (!isReply(err)) throw err
    return 'PONG' // PING may be forbidden
  })
  if (reply !== 'PONG') throw new TypeError('the reply to PING is not PONG')
}
