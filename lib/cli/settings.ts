import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { PolicyTable } from '../../types/contract.ts'
import { badOption, IpRiskError } from '../errors.ts'
import { type PluginScopeOptions } from '../options/index.ts'
import { basePolicy, type CompiledPolicy, compilePolicy } from '../policy/index.ts'
import { EXIT, UsageError } from './command.ts'
import { within } from '../util/index.ts'

/** The options of the plugin, as a module of the application exports them. */
export type Settings = PluginScopeOptions

const LOAD_MS = 10_000
const isModule = /\.[cm]?[jt]s$/

export function namesModule (path: string): boolean {
  return isModule.test(path)
}

/** JSON of a file, or the text itself where it begins with `{`. Throws `UsageError`. */
export async function jsonOf (option: string, text: string): Promise<unknown> {
  const json = text.trimStart().startsWith('{') ? text : await textOf(option, text)
  try {
    return JSON.parse(json)
  } catch (error) {
    throw new UsageError(`${option} is not JSON: ${(error as Error).message}`)
  }
}

async function textOf (option: string, path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    throw new UsageError(`${option} cannot be read: ${(error as Error).message}`)
  }
}

/** The policy of a file over the default one. Throws a `UsageError` with the file, the path in it and the fix. */
export async function readPolicy (option: string, file: string): Promise<CompiledPolicy> {
  const given = await jsonOf(option, file)
  return named(file, () => {
    if (typeof given !== 'object' || given === null || Array.isArray(given)) {
      throw badOption('policy', 'must be an object such as { "write": { "suspicious": "step_up_auth" } }')
    }
    return compilePolicy(basePolicy, given as PolicyTable)
  })
}

function named<T> (file: string, read: () => T): T {
  try {
    return read()
  } catch (error) {
    if (!(error instanceof IpRiskError)) throw error
    const where = file.trimStart().startsWith('{') ? '' : `${file}: `
    throw new UsageError(`${where}${error.message.replace(/^fastify-ip-risk: option /, '')}`)
  }
}

/**
 * Imports the module and takes the options that it exports: by this name, else as `ipRiskOptions` or `default`. A
 * module that does not finish within ten seconds is given up. Throws `UsageError`; the message has no value of any
 * option.
 */
export async function loadSettings (path: string, exportName?: string): Promise<Settings> {
  return optionsIn(path, await importModule(path), exportName)
}

type Module = Readonly<Record<string, unknown>>

export function optionsIn (path: string, module: Module, exportName?: string): Settings {
  const name = exportName ?? ['ipRiskOptions', 'default'].find(one => one in module)
  const options = name === undefined ? undefined : module[name]
  const isOptions = typeof options === 'object' && options !== null && !Array.isArray(options)
  if (name === undefined || !isOptions) {
    const what = name === undefined || options === undefined ? 'nothing' : `a ${typeof options}`
    throw new UsageError(`${path} exports ${what} as ${exportName ?? 'ipRiskOptions or default'}: export the object ` +
      'that register() gets, "export const ipRiskOptions = { … }"')
  }
  return options as Settings
}

/** Runs the module. Throws `UsageError`. */
export async function importModule (path: string): Promise<Module> {
  // A module that calls process.exit(0) must not pass for settings without a finding.
  const ended = (): void => {
    process.stderr.write(`ip-risk: ${path} ended the process while it was imported\n`)
    process.exitCode = EXIT.usage
  }
  process.once('exit', ended)
  const loading = import(pathToFileURL(resolve(path)).href) as Promise<Module>
  try {
    return await within(LOAD_MS, loading, `it did not finish within ${LOAD_MS / 1000} s`)
  } catch (error) {
    throw new UsageError(`${path} cannot be imported: ${(error as Error).message}`)
  } finally {
    process.removeListener('exit', ended)
  }
}
