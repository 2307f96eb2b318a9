import type { Decision, Mode, PolicyRule, RouteContext, UnknownReason, VerdictName } from '../../../types/contract.ts'
import { readPluginScope } from '../../options/index.ts'
import { applyPolicy, basePolicy, type CompiledPolicy, decisions } from '../../policy/index.ts'
import { allVerdicts } from '../../verdict/index.ts'
import { blankRisk } from '../blank-risk.ts'
import { type Command, command, EXIT, UsageError } from '../command.ts'
import { alignedRows, type Io, painter } from '../io.ts'
import { loadSettings, namesModule, readPolicy } from '../settings.ts'

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

/** What a policy decides about one action: of an address of which nothing is known but the verdict. */
interface EffectiveRow {
  /** The action; null: of routes without one. */
  readonly action: string | null
  readonly write: boolean
  readonly decisions: Readonly<Record<VerdictName | 'unknown', Decision>>
  /** Verdicts whose decision a rule may change, where its other conditions hold. */
  readonly mayChange: readonly (VerdictName | 'unknown')[]
}

export interface EffectivePolicy {
  /** null, here and below: a policy file does not say. */
  readonly mode: Mode | null
  readonly enforceShare?: number | undefined
  /** Whether there is the option. Without it, `step_up_auth` is reported and not enforced. */
  readonly stepUp: boolean | null
  /** Whether there is the option, which softens what the table says on known networks. */
  readonly familiarity: boolean | null
  /** A function decides; the table decides where it fails. */
  readonly function: boolean
  readonly allowBlockingReads: boolean
  readonly rows: readonly EffectiveRow[]
  /** Decisions about an unknown verdict on writes and on reads, where the reason makes a difference. */
  readonly unknown: Readonly<Record<'write' | 'read', Readonly<Partial<Record<UnknownReason | 'default', Decision>>>>>
  /** In the order in which they are asked. */
  readonly rules: readonly PolicyRule[]
}

const conditions = [
  'category', 'asn', 'country', 'vpnProvider', 'provider', 'score', 'signal', 'familiarity'
] as const satisfies readonly (keyof PolicyRule)[]

/** The decisions per action and verdict; a function is not called, because its answer may depend on anything. */
function effectivePolicy (
  policy: CompiledPolicy, actions: ReadonlyMap<string, 'write' | 'read'>,
  about: Pick<EffectivePolicy, 'mode' | 'enforceShare' | 'stepUp' | 'familiarity'>
): EffectivePolicy {
  const { table, rules } = policy
  const routes = [
    ...[...actions].map(([action, kind]) => ({ action, write: kind === 'write' })),
    { action: null, write: true }, { action: null, write: false }
  ]
  return {
    ...about,
    function: policy.policyFunction !== undefined,
    allowBlockingReads: table.allowBlockingReads,
    rows: routes.map(({ action, write }) => {
      const context: RouteContext = { action, write, method: write ? 'POST' : 'GET', url: undefined }
      const found = allVerdicts.map(verdict => (
        [verdict, applyPolicy({ table, rules }, blankRisk(verdict), context).decision] as const
      ))
      const mayChange = found.filter(([verdict, decision]) => table.rules.some(rule => (
        changes(rule, verdict, decision, context, table.allowBlockingReads)))).map(([verdict]) => verdict)
      return { action, write, decisions: Object.fromEntries(found) as EffectiveRow['decisions'], mayChange }
    }),
    unknown: { write: byReason(table.write.unknown), read: byReason(table.read.unknown) },
    rules: table.rules
  }
}

function byReason (cell: CompiledPolicy['table']['write']['unknown']): EffectivePolicy['unknown']['write'] {
  if (typeof cell === 'string') return { default: cell }
  return Object.fromEntries(Object.entries(cell).filter(([, decision]) => decision !== undefined))
}

/** Whether the rule could change this decision, for an address that meets its conditions. */
function changes (
  rule: PolicyRule, verdict: string, decision: Decision, { action, write }: RouteContext, blockingReads: boolean
): boolean {
  if (conditions.every(name => rule[name] === undefined)) return false // applied already
  if (rule.action !== undefined && (action === null || ![rule.action].flat().includes(action))) return false
  const rank = (one: Decision): number => (
    write || blockingReads ? decisions.indexOf(one) : Math.min(decisions.indexOf(one), 1))
  if (rule.then !== undefined) return rank(rule.then) !== rank(decision)
  if (rule.atMost !== undefined) return verdict !== 'unknown' && rank(rule.atMost) < rank(decision)
  return rank(rule.atLeast!) > rank(decision)
}

const colours = { block: 'red', step_up_auth: 'yellow', elevate_risk: 'cyan', allow: 'green' } as const

/** The policy as tables for people. */
function policyLines (policy: EffectivePolicy, io: Io): string[] {
  const paint = painter(io.stdout, io.env)
  const coloured = (line: string): string => line.replaceAll(
    /\b(?:block|step_up_auth|elevate_risk|allow)\b/g, decision => paint(colours[decision as Decision], decision))
  const head = ['action', ...allVerdicts]
  const rows = policy.rows.map(row => [nameOf(row), ...allVerdicts.map(verdict => (
    `${row.decisions[verdict]}${row.mayChange.includes(verdict) ? '*' : ''}`))])
  const [first, ...lines] = alignedRows([head, ...rows])
  const isStarred = policy.rows.some(({ mayChange }) => mayChange.length > 0)
  return [
    ...modeLines(policy),
    ...policy.stepUp === false ? ['no option "stepUp": step_up_auth is reported, and not enforced'] : [],
    ...policy.function ? ['a function decides; this is what decides where it throws or returns no decision'] : [],
    ...policy.familiarity === true
      ? ['on known networks, the table\'s step_up_auth and block are one step milder']
      : [],
    first!, ...lines.map(coloured),
    ...isStarred ? ['* a rule below may change it'] : [],
    ...(['write', 'read'] as const).flatMap(kind => reasonLines(policy, kind).map(coloured)),
    ...policy.rules.length === 0 ? ['', 'no rules'] : ['', 'rules, in the order in which they are asked:'],
    ...alignedRows(policy.rules.map(cellsOf)).map(coloured)
  ]
}

function modeLines ({ mode, enforceShare }: EffectivePolicy): string[] {
  if (mode === null) return []
  return [`mode: ${enforceShare === undefined
    ? mode
    : `enforce for ${enforceShare * 100} % of the addresses, monitor for the rest`}`]
}

function nameOf ({ action, write }: EffectiveRow): string {
  return action === null ? `other ${write ? 'writes' : 'reads'}` : write ? action : `${action} (read)`
}

function reasonLines ({ unknown }: EffectivePolicy, kind: 'write' | 'read'): string[] {
  const entries = Object.entries(unknown[kind])
  if (entries.length === 1) return []
  return ['', `unknown ${kind}s, by reason:`, ...alignedRows(entries.map(([reason, decision]) => [
    `  ${reason === 'default' ? 'any other' : reason}`, decision
  ]))]
}

const effects = { then: 'is', atMost: 'at most', atLeast: 'at least' } as const

function cellsOf (rule: PolicyRule, i: number): string[] {
  const { name = '', then, atMost, atLeast, ...conditions } = rule
  const written = Object.entries(conditions).filter(([, value]) => value !== undefined).map(([key, value]) => (
    `${key} ${shown(value)}`))
  const [effect] = (['then', 'atMost', 'atLeast'] as const).filter(key => rule[key] !== undefined)
  return [`  ${i + 1}`, name, written.join(', '), `${effects[effect!]} ${rule[effect!]}`]
}

function shown (value: unknown): string {
  if (Array.isArray(value)) return value.join(' or ')
  if (typeof value !== 'object') return String(value)
  const { min, max } = value as NonNullable<PolicyRule['score']>
  return [min === undefined ? '' : `from ${min}`, max === undefined ? '' : `to ${max}`].join(' ').trim()
}
