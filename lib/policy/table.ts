import type { Decision, PolicyRow, PolicyRule, PolicyTable, UnknownCell, VerdictName } from '../../types/contract.ts'
import { badOption } from '../errors.ts'
import { checkBoolean, checkObject } from '../util/index.ts'
import { unknownReasons } from '../verdict/index.ts'
import { checkDecision, stops } from './decisions.ts'
import { mergeRules } from './read-rules.ts'

/** A policy with every cell filled. */
export interface Table {
  /** Decisions about writes. */
  readonly write: Row
  /** Decisions about reads. */
  readonly read: Row
  /** The rules, in the order in which they apply. */
  readonly rules: readonly PolicyRule[]
  /** Whether decisions about reads may be `step_up_auth` or `block`. */
  readonly allowBlockingReads: boolean
}
export type NamedCells = { readonly [V in keyof Row]?: Row[V] }
/** A decision for each verdict. */
export type Row = { readonly [V in VerdictName]: Decision } & {
  /** The decision where nothing is known: one for all reasons, or one for each. */
  readonly unknown: UnknownCell
}

/**
 * Writes are judged, reads are never stopped. Relays, WARP, carrier NAT and security gateways carry ordinary customers,
 * so they are flagged at most. An unknown visitor is let in, because a failing provider must not close the application.
 * What a visitor can bring about at will is flagged.
 */
export const defaultPolicy: Table = Object.freeze({
  write: Object.freeze({
    clean: 'allow',
    suspicious: 'elevate_risk',
    vpn_likely: 'step_up_auth',
    vpn_detected: 'block',
    unknown: Object.freeze({
      default: 'allow',
      no_ip: 'elevate_risk',
      infrastructure: 'elevate_risk',
      overloaded: 'elevate_risk',
      quota_exhausted: 'elevate_risk',
      rate_limited: 'elevate_risk'
    })
  }),
  read: Object.freeze({
    clean: 'allow', suspicious: 'allow', vpn_likely: 'allow', vpn_detected: 'allow', unknown: 'allow'
  }),
  rules: Object.freeze((['relay', 'warp', 'cgnat', 'gateway'] as const)
    .map(category => Object.freeze({ category, atMost: 'elevate_risk' as const }))),
  allowBlockingReads: false
})

/**
 * For routes where money leaves: nobody gets through because nothing is known. `unknown` writes need a step-up (give
 * the option `stepUp`, without which no step-up is enforced), and are blocked where not even an address is known. The
 * other cells keep their values.
 */
export const failClosed: {
  /** The only row that it changes; reads stay as they are. */
  readonly write: {
    /** The decisions by the reason why nothing is known. */
    readonly unknown: Exclude<UnknownCell, Decision>
  }
} = Object.freeze({
  write: Object.freeze({ unknown: Object.freeze({ default: 'step_up_auth', no_ip: 'block', infrastructure: 'block' }) })
})

const verdicts: readonly string[] = Object.keys(defaultPolicy.write)
/** The cells that `over` names, on top of `base`, and the rules of both. Throws on a wrong cell or rule. */
export function mergeTable (base: Table, over: PolicyTable, path: string): Table {
  checkObject<PolicyTable>(path, over, ['write', 'read', 'rules', 'allowBlockingReads', '$schema'])
  const allowBlockingReads = checkBoolean(
    `${path}.allowBlockingReads`, over.allowBlockingReads, base.allowBlockingReads)
  const table = {
    write: mergeRow(base.write, over.write, `${path}.write`),
    read: mergeRow(base.read, over.read, `${path}.read`),
    rules: mergeRules(base.rules, over.rules, `${path}.rules`),
    allowBlockingReads
  }
  if (!allowBlockingReads) refuseStoppedReads(table.read, `${path}.read`)
  return table
}

function mergeRow (base: Row, over: PolicyRow | undefined, path: string): Row {
  checkObject(path, over, verdicts as (keyof PolicyRow & string)[])
  if (over === undefined) return base
  const named = namedCells(over)
  for (const [verdict, cell] of Object.entries(named)) {
    if (verdict === 'unknown' && typeof cell === 'object' && cell !== null) checkUnknownCell(`${path}.unknown`, cell)
    else checkDecision(`${path}.${verdict}`, cell)
  }
  return { ...base, ...named }
}

/** The cells that a row gives a value: `undefined` names nothing. */
export function namedCells (row: PolicyRow | undefined): NamedCells {
  return Object.fromEntries(Object.entries(row ?? {}).filter(([, cell]) => cell !== undefined))
}

function checkUnknownCell (path: string, cell: object): void {
  const cells = checkObject<{ [name: string]: unknown }>(path, cell, ['default', ...unknownReasons])
  if (cells['default'] === undefined) {
    throw badOption(`${path}.default`, 'is missing: say what happens for the reasons that are not named')
  }
  for (const [reason, decision] of Object.entries(cells)) {
    if (decision !== undefined) checkDecision(`${path}.${reason}`, decision)
  }
}

function refuseStoppedReads (row: Row, path: string): void {
  for (const [verdict, cell] of Object.entries(row)) {
    const named = typeof cell === 'string' ? [cell] : Object.values(cell)
    const stopping = named.some(decision => decision !== undefined && stops(decision))
    if (stopping) {
      throw badOption(`${path}.${verdict}`, 'would stop reads, and people who only look are mostly ordinary ' +
        'customers: use "elevate_risk" at most, or add "allowBlockingReads: true" beside it')
    }
  }
}
