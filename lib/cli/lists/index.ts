import { resolve } from 'node:path'
import { defaultCacheFolder, isMirror, publishers } from '../../lists/index.ts'
import { type Command, command, type ExitCode, UsageError } from '../command.ts'
import type { Io } from '../io.ts'
import { compile } from './compile.ts'
import { info } from './info.ts'
import { pull } from './pull.ts'
import type { Settings } from './settings.ts'

const runs: Readonly<Record<string, (settings: Settings, io: Io) => Promise<ExitCode>>> = { pull, compile, info }

export const lists: Command = command({
  usage: 'pull|compile|info [options]',
  about: 'The data of the embedded provider.',
  actions: {
    pull: 'fetch the public lists from their publishers, check, keep and compile them',
    compile: 'compile the lists pulled before, and the AS numbers of @ip-location-db/asn where it is installed',
    info: 'what the snapshot holds: each list, its size, its age'
  },
  options: {
    folder: {
      value: 'DIR',
      help: 'where lists and snapshots are; default $XDG_CACHE_HOME/fastify-ip-risk or ~/.cache/fastify-ip-risk'
    },
    only: { value: 'ID,ID', help: 'pull: these lists only; the others stay as they are' },
    skip: { value: 'ID,ID', help: 'pull, compile: without these lists' },
    mirror: { value: 'URL', help: 'pull: from URL/<host>/<path> instead of https://<host>/<path>' },
    'accept-size': { help: 'pull: accept lists whose size changed by more than half' },
    'timeout-ms': { value: 'N', integer: [1, 3_600_000], help: 'pull: longest wait for one list; default 60000' },
    'no-asn': { help: 'pull, compile: without AS numbers' },
    json: { help: 'info: as JSON' }
  },
  notes: 'A list that cannot be fetched, or that the linter refuses, is named on standard error; the list from ' +
    'before stays, and the exit code is 1.',
  async run ({ values, positionals: [action, ...more] }, io) {
    if (action === undefined || !Object.hasOwn(runs, action) || more.length > 0) {
      throw new UsageError('lists needs one of pull, compile, info')
    }
    const { mirror } = values
    if (mirror !== undefined && !isMirror(mirror)) {
      throw new UsageError('--mirror must be an http or https URL without a query')
    }
    const only = idsOf('--only', values.only)
    const skip = idsOf('--skip', values.skip) ?? []
    const sources = publishers.filter(({ id }) => !skip.includes(id))
    return await runs[action]!({
      folder: values.folder === undefined ? defaultCacheFolder(io.env) : resolve(values.folder),
      sources,
      pulled: sources.filter(({ id }) => only?.includes(id) ?? true),
      mirror,
      acceptSize: values['accept-size'],
      timeoutMs: values['timeout-ms'] ?? 60_000,
      networks: !values['no-asn'],
      json: values.json
    }, io)
  }
})

function idsOf (option: string, text: string | undefined): string[] | undefined {
  const ids = text?.split(',').filter(id => id !== '')
  const unknown = ids?.find(id => publishers.every(source => source.id !== id))
  if (unknown !== undefined) {
    const known = publishers.map(({ id }) => id).join(', ')
    throw new UsageError(`${option}: there is no list "${unknown}": use some of ${known}`)
  }
  return ids
}
