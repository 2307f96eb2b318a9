import { asnLookup, type PulledList, pullLists } from '../../lists/index.ts'
import { EXIT, type ExitCode } from '../command.ts'
import type { Io } from '../io.ts'
import { compileInto, readNetworks } from './compile.ts'
import { pulledFolder, type Settings } from './settings.ts'

export async function pull (settings: Settings, io: Io): Promise<ExitCode> {
  const { folder, pulled: sources, mirror, acceptSize, timeoutMs } = settings
  const asnTable = readNetworks(settings, io)
  const results = await pullLists({
    folder: pulledFolder(folder),
    sources,
    acceptSize,
    timeoutMs,
    ...mirror !== undefined && { mirror },
    ...asnTable !== undefined && { asnOf: asnLookup(asnTable) },
    onPulled: pulled => { report(pulled, io) }
  })
  const compiled = await compileInto(settings, asnTable, io)
  return compiled === EXIT.ok && results.every(({ problem }) => problem === undefined) ? EXIT.ok : EXIT.failure
}

function report ({ id, outcome, problem, remarks, stored }: PulledList, io: Io): void {
  const kept = stored === undefined ? '' : '; the list from before stays'
  if (problem !== undefined) io.err(`ip-risk: ${id} ${outcome}: ${problem}${kept}`)
  else io.out(`${id}  ${outcome}  ${stored!.publishedRows} rows`)
  for (const remark of remarks) io.err(`ip-risk: ${id}: ${remark}`)
}
