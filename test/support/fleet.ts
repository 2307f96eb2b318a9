import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'

export interface Answered { readonly status: number, readonly verdict: string, readonly reason?: string, readonly org?: string }

export interface FleetProcess {
  readonly process: ChildProcess
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
    return {
      process: child,
      async ask (ips: readonly string[]) {
        child.send(ips)
        const [answers] = await once(child, 'message')
        return answers as readonly Answered[]
      }
    }
  }))
}

export async function stopProcess ({ process }: FleetProcess): Promise<void> {
  if (process.exitCode !== null || process.signalCode !== null) return
  process.kill('SIGKILL')
  await once(process, 'exit')
}
