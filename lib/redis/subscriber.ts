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
  /** The next message about an id on the channel of this process; `undefined` if there is none before `end`. */
  expect (id: string): Expected
  /** Resolves when messages arrive for the first time, or after a second. */
  ready (): Promise<void>
  close (): void
}

export interface Expected {
  readonly message: Promise<Message | undefined>
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
export function messageText (kind: string, id: string, remainingMs: number, body: string): string {
  return `${kind}\n${id}\n${remainingMs}\n${body}`
}

function parseMessage (text: string): Message {
  const [kind = '', id = '', remainingMs, ...body] = text.split('\n')
  return { kind, id, remainingMs: Number(remainingMs), body: body.join('\n') }
}

export function openSubscriber (
  connection: Connection, port: RedisPort, broadcastChannel: string, events: SubscriberEvents
): Subscriber {
  const name = `ip-risk:inbox:${randomBytes(9).toString('base64url')}`
  const expected = new Map<string, Set<(message: Message | undefined) => void>>()
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
      const { promise: message, resolve } = deferred<Message | undefined>()
      const others = expected.get(id)
      if (others === undefined) expected.set(id, new Set([resolve]))
      else others.add(resolve)
      return {
        message,
        end () {
          const waiting = expected.get(id)
          if (waiting?.delete(resolve) === true && waiting.size === 0) expected.delete(id)
          resolve(undefined)
        }
      }
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
      for (const waiting of expected.values()) for (const resolve of waiting) resolve(undefined)
      expected.clear()
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
    const waiting = expected.get(message.id)
    expected.delete(message.id)
    for (const resolve of waiting ?? []) resolve(message)
  }

  /** Reconnects only if Redis took the message: while Redis is down, the client reconnects by itself. */
  function check (): void {
    received = false
    port.run(SEND, [], [name, messageText(CHECK, '', 0, '')]).then(() => {
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
