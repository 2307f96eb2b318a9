import { randomBytes } from 'node:crypto'
import { deferred } from '../util/index.ts'
import { isReply, type RedisPort } from './client.ts'
import type { Connection, RedisClient } from './connect.ts'
import { TELL } from './scripts.ts'

/** A message: what it is, about whom, for how long it holds, and the rest. */
export interface Message {
  readonly kind: string
  readonly id: string
  readonly remainingMs: number
  readonly body: string
}

/** What other processes tell this one: on a channel of its own, and on one for all. */
export interface Subscriber {
  /** The channel of this process. */
  readonly name: string
  /** Whether messages come in now. */
  readonly listening: boolean
  /** The next message about an id on the own channel; `undefined` when there is none until the listener is ended. */
  expect (id: string): Expected
  /** Resolves when messages come in for the first time, or after a second. */
  ready (): Promise<void>
  close (): void
}

export interface Expected {
  readonly message: Promise<Message | undefined>
  end (): void
}

export interface SubscriberEvents {
  /** What one process says to all, as it was sent. */
  broadcast (text: string): void
  /** Messages come in from now on; some may have been missed. */
  listening (): void
}

/** How often it is tried whether messages still come in: a connection can be dead for long without a word. */
const CHECK_MS = 10_000
const CHECK_WAIT_MS = 2_000
const CHECK = 'check'
const READY_MS = 1_000

/** One line each, the body last: no id has a line break. */
export function messageText (kind: string, id: string, remainingMs: number, body: string): string {
  return `${kind}\n${id}\n${remainingMs}\n${body}`
}

function parseMessage (text: string): Message {
  const [kind = '', id = '', remainingMs, ...body] = text.split('\n')
  return { kind, id, remainingMs: Number(remainingMs), body: body.join('\n') }
}

export function openSubscriber (connection: Connection, port: RedisPort, broadcastChannel: string, events: SubscriberEvents): Subscriber {
  const name = `ip-risk:inbox:${randomBytes(9).toString('base64url')}`
  const expected = new Map<string, Set<(message: Message | undefined) => void>>()
  let listening = false
  let heard = true
  let closed = false
  let firstTime = (): void => {}
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
        firstTime = () => {
          clearTimeout(timer)
          resolve()
        }
      })
    },
    close () {
      closed = true
      firstTime()
      clearInterval(timer)
      drop(subscriber)
      for (const waiting of expected.values()) for (const resolve of waiting) resolve(undefined)
      expected.clear()
    }
  }

  function subscribe (): RedisClient {
    const client = connection.subscriber()
    client.on('ready', () => {
      answersAsRedis(client).then(async () => await client.subscribe(name, broadcastChannel)).then(() => {
        if (client !== subscriber || closed) return
        listening = true
        firstTime()
        events.listening()
      }, () => {}) // the next check sees that nothing comes in
    })
    client.on('close', () => { if (client === subscriber) listening = false })
    client.on('message', (channel: string, text: string) => {
      if (channel === broadcastChannel) events.broadcast(text)
      else receive(parseMessage(text))
    })
    return client
  }

  function receive (message: Message): void {
    if (message.kind === CHECK) {
      heard = true
      return
    }
    const waiting = expected.get(message.id)
    expected.delete(message.id)
    for (const resolve of waiting ?? []) resolve(message)
  }

  /** By the whole way that a message goes. Only when Redis takes it: what is down is waited for, not connected to anew. */
  function check (): void {
    heard = false
    port.run(TELL, [], [name, messageText(CHECK, '', 0, '')]).then(() => {
      setTimeout(() => {
        if (heard || closed) return
        listening = false
        drop(subscriber)
        subscriber = subscribe()
      }, CHECK_WAIT_MS).unref()
    }, () => {})
  }
}

function drop (client: RedisClient): void {
  client.removeAllListeners('message')
  client.disconnect()
}

/** Rejects otherwise: the client takes what comes back on a SUBSCRIBE for granted, and throws where nobody can catch it. */
async function answersAsRedis (client: RedisClient): Promise<void> {
  const reply: unknown = await client.ping().catch((err: unknown) => {
    if (!isReply(err)) throw err
    return 'PONG' // it may be forbidden
  })
  if (reply !== 'PONG') throw new TypeError('PING was answered with something else')
}
