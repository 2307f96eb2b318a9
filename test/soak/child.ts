import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'

/** A process of the soak that answers each message with one. What it sends beside that, it sends as `{ event }`. */
export interface Child<First, Message, Reply> {
  readonly process: ChildProcess
  readonly first: First
  ask (message: Message): Promise<Reply>
  kill (): Promise<void>
}

/** `heard` gets the events of the process, also those that it sent just before it was killed. */
export async function startChild<First, Message, Reply> (
  file: string, args: readonly string[] = [], heard: (event: unknown) => void = () => {}
): Promise<Child<First, Message, Reply>> {
  const child = fork(new URL(file, import.meta.url), args, { execArgv: [...process.execArgv, '--expose-gc'] })
  const waiting: { resolve (reply: unknown): void, reject (err: Error): void }[] = []
  child.on('message', (message: unknown) => {
    if (typeof message === 'object' && message !== null && 'event' in message) heard(message.event)
    else waiting.shift()?.resolve(message)
  })
  child.once('exit', (code, signal) => {
    for (const { reject } of waiting) reject(new Error(`${file} ended with ${code ?? signal}, and was to answer`))
  })
  const ended = Promise.all([once(child, 'exit'), once(child, 'disconnect')])
  const next = (): Promise<unknown> => new Promise((resolve, reject) => waiting.push({ resolve, reject }))
  const first = await next() as First
  return {
    process: child,
    first,
    async ask (message) {
      child.send(message as object)
      return await next() as Reply
    },
    async kill () {
      child.kill('SIGKILL')
      await ended // all that it sent has been read by then
    }
  }
}

/** In the process: reaches the parent even if the process is killed at once. */
export function sendEvent (event: unknown): void {
  process.send!({ event })
}
