import t from 'tap'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { lockFile } from '../lib/util/index.ts'
import { until } from './support/until.ts'

const skip = process.platform !== 'linux' && 'the state of a process is in /proc'
const stateOf = (pid: number): readonly string[] => {
  const text = readFileSync(`/proc/${pid}/stat`, 'utf8')
  return text.slice(text.lastIndexOf(')') + 2).split(' ')
}

t.test('a killed process for which nobody waits has no lock any more', { skip }, async t => {
  const folder = t.testdir({})
  const own = await lockFile(join(folder, 'pull'))
  if ('heldBy' in own) throw new Error(own.heldBy)
  const { host } = JSON.parse(readFileSync(join(folder, readdirSync(folder)[0]!), 'utf8')) as { host: string }
  await own.release()
  // The shell becomes a program that does not know of the shell's child, so that this stays a zombie.
  const parent = spawn('sh', ['-c', 'sleep 600 & echo $!; exec sleep 600'], { stdio: ['ignore', 'pipe', 'inherit'] })
  t.teardown(() => parent.kill('SIGKILL'))
  const [line] = await once(parent.stdout, 'data') as [Buffer]
  const pid = Number(line.toString())
  const lock = join(folder, 'pull.lock-of-the-child')
  writeFileSync(lock, JSON.stringify({ host, pid, began: stateOf(pid)[19] }))
  t.same(await lockFile(join(folder, 'pull')), { heldBy: lock }, 'while it runs')
  await until(() => readFileSync(`/proc/${parent.pid}/comm`, 'utf8') === 'sleep\n')
  process.kill(pid, 'SIGKILL')
  await until(() => stateOf(pid)[0] === 'Z')
  const next = await lockFile(join(folder, 'pull'))
  t.notOk('heldBy' in next)
  t.notOk(readdirSync(folder).includes('pull.lock-of-the-child'))
  if ('release' in next) await next.release()
})
