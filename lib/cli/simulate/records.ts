import type {
  Category, Decision, Familiarity, IpRisk, IpInfo, RouteContext, Signal, UnknownReason
} from '../../../types/contract.ts'
import { decisions } from '../../policy/index.ts'
import { readRecordLine } from '../../report/index.ts'
import { allVerdicts } from '../../verdict/index.ts'
import { blankRisk } from '../blank-risk.ts'
import type { RouteRules } from '../review/routes.ts'
import { addressNames } from '../review/tables.ts'
import type { Absent } from './past-policy.ts'
import type { Row } from './rows.ts'

/** What was known of a request or a row, and what was decided then. */
export interface PastDecision {
  readonly risk: IpRisk
  readonly context: RouteContext
  /** What was not recorded, so that a rule on it can be neither met nor missed. */
  readonly absent: Absent
  /** null: not recorded. */
  readonly recorded: Decision | null
  /** As it was recorded: an address, a network or an HMAC. null: not recorded. */
  readonly visitor: string | null
  /** Decided by a list or by `skip`: a policy changes nothing. */
  readonly fixed: boolean
}

/** Why a line is not judged. */
export type Omitted = 'no_record' | 'client_gone' | 'unmarked'

interface RecordOptions {
  readonly rules: RouteRules
  readonly column: string | undefined
  readonly actionColumn: string | undefined
  /** Whether an option names actions: without one, the action of a reviewed row is not known. */
  readonly namesActions: boolean
}

/** Reads decision records, and rows of `ip-risk review`. Never throws. */
export function recordReader (options: RecordOptions): (row: Row) => PastDecision | Omitted {
  return row => {
    const prefix = row.get('ip_risk_verdict') === undefined ? '' : 'ip_risk_'
    const record = row.json === undefined || prefix !== '' ? null : readRecordLine(row.json)
    return record === null ? reviewed(row, prefix, options) : decided(record as unknown as UncheckedRecord)
  }
}

type UncheckedRecord = Readonly<Record<string, unknown>>

const verdicts: ReadonlySet<unknown> = new Set(allVerdicts)
const lists: ReadonlySet<unknown> = new Set(['allow_list', 'deny_list', 'temporary_allow', 'temporary_deny', 'skip'])
const nothing: Absent = new Set()
const withoutFamiliarity: Absent = new Set(['familiarity'])

function decided (record: UncheckedRecord): PastDecision | Omitted {
  const { outcome, decision, wouldBe, decidedBy, familiarity, action, address } = record
  if (!verdicts.has(record['verdict'])) return 'no_record'
  if (outcome === 'client_gone') return 'client_gone'
  if (wouldBe === 'allow' && decision !== 'allow') return 'unmarked'
  const write = record['write'] === true
  return {
    risk: { ...riskOf(record), familiarity: familiarity as Familiarity | undefined },
    context: {
      action: text(action) ?? null,
      write,
      method: text(record['method']) ?? (write ? 'POST' : 'GET'),
      url: text(record['route'])
    },
    absent: familiarity === undefined ? withoutFamiliarity : nothing,
    recorded: decision as Decision,
    visitor: text(address) ?? null,
    fixed: lists.has(decidedBy)
  }
}

/** Of a record; every member may be anything. */
function riskOf (record: UncheckedRecord): IpRisk {
  const { verdict, reason, score, categories, signals, info, provider, decidedBy } = record
  return {
    ...blankRisk(verdict as IpRisk['verdict']),
    ...verdict === 'unknown' && { reason: (text(reason) ?? 'no_data') as UnknownReason },
    score: typeof score === 'number' ? score : null,
    categories: Array.isArray(categories) ? categories as Category[] : [],
    signals: Array.isArray(signals) ? (signals as unknown[]).filter(isSignal) : [],
    info: info as IpInfo,
    provider: text(provider) ?? 'none',
    decidedBy: decidedBy as IpRisk['decidedBy']
  }
}

function isSignal (value: unknown): value is Signal {
  return typeof value === 'object' && value !== null && typeof (value as Signal).type === 'string'
}

function text (value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined
}

/** By the names that are missing: rows of one file share one set. */
const absentSets = new Map<string, Absent>()

/** A row of `ip-risk review`: it has neither reasons, nor signals, nor the names of VPNs, nor accounts. */
function reviewed (row: Row, prefix: string, options: RecordOptions): PastDecision | Omitted {
  const get = (name: string): unknown => row.get(prefix + name)
  const verdict = get('verdict')
  if (!verdicts.has(verdict)) return 'no_record'
  const score = get('score')
  const categories = get('categories')
  const country = get('country')
  const decision = get('decision')
  const isCode = country === '' || country === null || (typeof country === 'string' && /^[a-z]{2}$/i.test(country))
  const { rules, column, actionColumn, namesActions } = options
  const context = rules.contextOf({
    address: null,
    cells: [],
    method: text(row.get('method')),
    path: text(row.get('path')) ?? text(row.get('url')),
    action: actionColumn === undefined ? undefined : text(row.get(actionColumn))
  })
  const missing = [
    verdict === 'unknown' ? 'reason' : '', 'signal', 'vpnProvider', 'familiarity',
    score === undefined ? 'score' : '', categories === undefined ? 'category' : '',
    get('asn') === undefined ? 'asn' : '', isCode ? '' : 'country', get('provider') === undefined ? 'provider' : '',
    namesActions ? '' : 'action'
  ].filter(name => name !== '')
  const key = missing.join()
  if (!absentSets.has(key)) absentSets.set(key, new Set(missing) as Absent)
  return {
    risk: {
      ...blankRisk(verdict as IpRisk['verdict']),
      score: score === '' || score === null || score === undefined ? null : Number(score),
      categories: (Array.isArray(categories) ? categories : (text(categories) ?? '').split(' ')) as Category[],
      info: {
        ...text(get('asn')) !== undefined && { asn: text(get('asn'))! },
        ...isCode && text(country) !== undefined && { countryCode: text(country)! }
      },
      provider: text(get('provider')) ?? 'none'
    },
    context: { action: null, method: context.write ? 'POST' : 'GET', url: undefined, ...context },
    absent: absentSets.get(key)!,
    recorded: decisions.find(one => one === decision) ?? null,
    visitor: text(row.get(column ?? addressColumn(row))) ?? null,
    fixed: false
  }
}

const columnsFound = new WeakMap<object, string>()

/** The column or member with the address, by its usual names. */
function addressColumn (row: Row): string {
  const { columns } = row
  const found = columns === undefined ? undefined : columnsFound.get(columns)
  if (found !== undefined) return found
  const name = columns === undefined
    ? addressNames.find(one => typeof row.get(one) === 'string')
    : [...columns.keys()].find(one => addressNames.includes(one.toLowerCase()))
  if (columns !== undefined) columnsFound.set(columns, name ?? '')
  return name ?? ''
}
