import { readPluginScope } from '../../options/index.ts'
import { basePolicy } from '../../policy/index.ts'
import { type Command, command, EXIT, UsageError } from '../command.ts'
import { loadSettings, namesModule, readPolicy } from '../settings.ts'
import { effectivePolicy } from './effective.ts'
import { policyLines } from './text.ts'

export const policy: Command = command({
  usage: '[FILE] [options]',
  about: 'The decisions that are in effect, per action and verdict, with the rules. FILE is JSON with the plugin\'s ' +
    'policy option, or a module (.js, .mjs, .ts) that exports the plugin\'s options as ipRiskOptions or default. ' +
    'Without it, the default policy.',
  options: {
    export: { value: 'NAME', help: 'module: the name of the export' },
    json: { help: 'one JSON object' }
  },
  notes: 'A module is executed. Policies of child scopes and of single routes are not in its options, and are laid ' +
    'over this one.\nExit code 2: the file cannot be read or is no policy; the message names the place and the fix.',
  async run ({ values, positionals: [file, ...more] }, io) {
    if (more.length > 0) throw new UsageError(`policy reads one file, got ${more.length + 1}`)
    const isModule = file !== undefined && namesModule(file)
    if (values.export !== undefined && !isModule) throw new UsageError('--export needs a module: policy settings.js')
    const given = isModule ? await loadSettings(file, values.export) : {}
    const scope = readPluginScope(given)
    const compiled = isModule ? scope.policy : file === undefined ? basePolicy : await readPolicy(file, file)
    const { mode, enforceShare, actions, stepUp, familiarity } = scope
    const found = effectivePolicy(compiled, actions, isModule
      ? { mode, enforceShare, stepUp: stepUp !== undefined, familiarity: familiarity !== undefined }
      : { mode: null, stepUp: null, familiarity: null })
    if (values.json) io.out(JSON.stringify(found))
    else for (const line of policyLines(found, io)) io.out(line)
    return EXIT.ok
  }
})
