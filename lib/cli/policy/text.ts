import type { Decision, PolicyRule } from '../../../types/contract.ts'
import { allVerdicts } from '../../verdict/index.ts'
import type { Io } from '../io.ts'
import { alignedRows, painter } from '../output.ts'
import type { EffectivePolicy, EffectiveRow } from './effective.ts'

const colours = { block: 'red', step_up_auth: 'yellow', elevate_risk: 'cyan', allow: 'green' } as const

/** The policy as tables for people. */
export function policyLines (policy: EffectivePolicy, io: Io): string[] {
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
