// `--against FOLDER` adds a row for another build of the package. Processes that a benchmark starts know it by the environment.
import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'

const at = process.argv.indexOf('--against')
if (at > 0) process.env.IP_RISK_BENCH_AGAINST = resolve(process.argv.splice(at, 2)[1])
const folder = process.env.IP_RISK_BENCH_AGAINST

export const otherBuild = 'the other build'
/** None without the option. */
export const otherNames = folder === undefined ? [] : [otherBuild]
export const entryOf = name => name === otherBuild
  ? pathToFileURL(`${folder}/dist/lib/index.js`).href
  : new URL('../dist/lib/index.js', import.meta.url).href
