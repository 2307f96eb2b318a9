import {
  eyeballNetworks, lockPull, mirrored, pulledFolder, type PulledList, pullLists, sweepTemporaryFiles, writePullState
} from '../../lists/index.ts'
import { counted } from '../../util/index.ts'
import { EXIT, type ExitCode } from '../command.ts'
import type { Io } from '../io.ts'
import { createProgress } from '../progress.ts'
import { compileInto, readNetworks } from './compile.ts'
import type { Settings } from './settings.ts'

/** With the lock that a process with `refreshHours` takes: two pulls would ask each publisher twice. */
export async function pull (settings: Settings, io: Io): Promise<ExitCode> {
  const lock = await lockPull(settings.folder)
  if ('heldBy' in lock) {
    io.err(`ip-risk: another process is pulling into ${settings.folder}, so nothing was pulled: run the command ` +
      `again when that has ended (its lock file is ${lock.heldBy})`)
    return EXIT.failure
  }
  try {
    return await pullAlone(settings, io)
  } finally {
    await lock.release()
  }
}

async function pullAlone (settings: Settings, io: Io): Promise<ExitCode> {
  const { folder, pulled: sources, mirror, acceptSize, timeoutMs } = settings
  await Promise.all([folder, pulledFolder(folder)].map(path => sweepTemporaryFiles(path)))
  const asnTable = readNetworks(settings, io)
  const progress = createProgress(io, `of ${sources.length} lists`)
  let done = 0
  const results = await pullLists({
    folder: pulledFolder(folder),
    sources,
    acceptSize,
    timeoutMs,
    ...mirror !== undefined && { mirror },
    ...asnTable !== undefined && { eyeball: eyeballNetworks(asnTable) },
    onPulled (pulled) {
      progress.end()
      report(pulled, io)
      progress.update({ rows: ++done, part: done / sources.length })
    }
  })
  progress.end()
  const failed = results.filter(({ problem }) => problem !== undefined)
  const urlOf = (id: string): string => {
    const { url } = sources.find(source => source.id === id)!
    return mirror === undefined ? url : mirrored(url, mirror)
  }
  for (const line of failureLines(failed, urlOf)) io.err(`ip-risk: ${line}`)
  const compiled = await compileInto(settings, asnTable, io)
  // Processes with `refreshHours` on this folder have nothing to do for a while.
  if (sources.length === settings.sources.length) {
    writePullState(folder, { endedAtMs: Date.now(), succeeded: failed.length < results.length })
  }
  if (failed.length > 0) io.err(`ip-risk: ${failed.length} of ${results.length} failed`)
  return compiled === EXIT.ok && failed.length === 0 ? EXIT.ok : EXIT.failure
}

function report ({ id, outcome, problem, remarks, stored }: PulledList, io: Io): void {
  if (problem === undefined) io.out(`${id}  ${outcome}  ${counted(stored!.publishedRows, 'row')}`)
  for (const remark of remarks) io.err(`ip-risk: ${id}: ${remark}`)
}

/** Without a network all lists fail for one cause: it is named once, and then the lists. */
function failureLines (failed: readonly PulledList[], urlOf: (id: string) => string): string[] {
  const causes = new Map<string, PulledList[]>()
  for (const list of failed) {
    const cause = `${list.outcome}: ${list.problem}`
    causes.set(cause, [...causes.get(cause) ?? [], list])
  }
  return [...causes].map(([cause, lists]) => {
    const kept = lists.filter(({ stored }) => stored !== undefined).length
    const [{ id: first, outcome }] = lists as [PulledList, ...PulledList[]]
    const asked = outcome === 'refused' ? '' : ` (${lists.length > 1 ? 'the first is ' : ''}${urlOf(first)})`
    if (lists.length === 1) return `${first} ${cause}${asked}${kept === 0 ? '' : '; the list from before stays'}`
    const ids = lists.map(({ id }) => id).join(', ')
    const stay = kept === 0 ? '' : `; ${counted(kept, 'list')} from before ${kept === 1 ? 'stays' : 'stay'}`
    return `${lists.length} lists ${cause}${asked}${stay}: ${ids}`
  })
}
