import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'

export interface Answered { readonly status: number, readonly verdict: string, readonly reason?: string, readonly org?: string }

export interface FleetProcess {
  readonly process: ChildProcess
  /** During the last `ask`: a turn of its event loop, or a time without a processor. */
  readonly longestTurnMs: number
  /** One request from each of the addresses, all at once. */
  ask (ips: readonly string[]): Promise<readonly Answered[]>
}

export async function startProcesses (
  count: number, options: { readonly redis: string, readonly provider: string }
): Promise<FleetProcess[]> {
  const file = new URL('./fleet-process.ts', import.meta.url)
  return await Promise.all(Array.from({ length: count }, async () => {
    const child = fork(file, [JSON.stringify(options)])
    await once(child, 'message')
    const own = { longestTurnMs: 0 }
    return {
      process: child,
      get longestTurnMs () { return own.longestTurnMs },
      async ask (ips: readonly string[]) {
        child.send(ips)
        const [{ answers, longestTurnMs }] = await once(child, 'message') as [{ answers: readonly Answered[], longestTurnMs: number }]
        own.longestTurnMs = longestTurnMs
        return answers
      }
    }
  }))
}

export async function stopProcess ({ process }: FleetProcess): Promise<void> {
  if (process.exitCode !== null || process.signalCode !== null) return
  process.kill('SIGKILL')
  await once(process, 'exit')
}
