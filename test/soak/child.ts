import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'

/** A process of the soak that answers each message with one. */
export interface Child<First, Message, Reply> {
  readonly process: ChildProcess
  readonly first: First
  ask (message: Message): Promise<Reply>
  kill (): Promise<void>
}

export async function startChild<First, Message, Reply> (file: string, ...args: readonly string[]): Promise<Child<First, Message, Reply>> {
  const child = fork(new URL(file, import.meta.url), args, { execArgv: [...process.execArgv, '--expose-gc'] })
  const [first] = await once(child, 'message') as [First]
  return {
    process: child,
    first,
    async ask (message) {
      child.send(message as object)
      const [reply] = await once(child, 'message')
      return reply as Reply
    },
    async kill () {
      if (child.exitCode !== null || child.signalCode !== null) return
      child.kill('SIGKILL')
      await once(child, 'exit')
    }
  }
}
