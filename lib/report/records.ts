import type { ReportedDecision, RiskReport } from '../../types/report.ts'
import { decisions } from '../policy/index.ts'
import { allVerdicts } from '../verdict/index.ts'
import { keyedCounts, outcomes } from './counts.ts'
import { type CountedDecisions, createOrigins, reportOf } from './report.ts'

/** More combinations than real records have: a file may hold any words. */
const maxCombinations = 10_000
const maxReasons = 300

/** Builds a report from decision records, one after the other. Its memory does not grow with their number. */
export interface RecordReport {
  add (record: ReportedDecision): void
  report (): RiskReport
}

export function reportOfRecords (): RecordReport {
  const counted = new Map<string, { -readonly [K in keyof CountedDecisions]: CountedDecisions[K] }>()
  const unknown = keyedCounts(maxReasons)
  const origins = createOrigins()
  let [from, to]: [string | null, string | null] = [null, null]
  return {
    add (record) {
      const { action, decision, outcome, wouldBe, verdict, reason, at } = record
      const keyOf = (name: string): string => [name, decision, outcome, wouldBe, verdict].join(' ')
      const own = action ?? 'none'
      const name = counted.size < maxCombinations || counted.has(keyOf(own)) ? own : 'other'
      const row = counted.get(keyOf(name))
      if (row !== undefined) row.count++
      else counted.set(keyOf(name), { action: name, decision, outcome, wouldBe, verdict, count: 1 })
      if (reason !== undefined) unknown.add(reason, undefined, 1)
      origins.add(outcome, wouldBe, record)
      if (from === null || at < from) from = at
      if (to === null || at > to) to = at
    },
    report () {
      const reasons = Object.fromEntries(unknown.rows().map(({ key, requests }) => [key, requests]))
      return reportOf({ counted: counted.values(), unknown: reasons, origins, from, to })
    }
  }
}

const knownDecisions: ReadonlySet<unknown> = new Set(decisions)
const knownVerdicts: ReadonlySet<unknown> = new Set(allVerdicts)
const knownOutcomes: ReadonlySet<unknown> = new Set(outcomes)
type UncheckedRecord = { readonly [K in keyof ReportedDecision]?: unknown }
const word = /^[\w.:-]{1,64}$/

/**
 * The decision of one line of NDJSON: a record as `onDecision` gets it, or a log line that holds one under `ipRisk`.
 * null where there is none, such as another line of the same log. Never throws.
 */
export function readRecordLine (line: string): ReportedDecision | null {
  let value: unknown
  try {
    value = JSON.parse(line)
  } catch {
    return null
  }
  if (typeof value !== 'object' || value === null) return null
  const { ipRisk } = value as { readonly ipRisk?: unknown }
  const record = (typeof ipRisk === 'object' && ipRisk !== null ? ipRisk : value) as UncheckedRecord
  const { action, decision, outcome, wouldBe, verdict, reason, at } = record
  if (!knownDecisions.has(decision) || !knownDecisions.has(wouldBe) || !knownOutcomes.has(outcome)) return null
  if (!knownVerdicts.has(verdict) || !(reason === undefined || isWord(reason)) || !isTime(at)) return null
  const info = typeof record.info === 'object' && record.info !== null ? record.info as ReportedDecision['info'] : {}
  const known = isWord(action) ? action as ReportedDecision['action'] : null
  return { ...record as ReportedDecision, action: known, info: textsOf(info), at }
}

function isWord (value: unknown): value is string {
  return typeof value === 'string' && word.test(value)
}

function isTime (value: unknown): value is string {
  return typeof value === 'string' && /^\d{4}-\d\d-\d\dT[\d:.]+Z$/.test(value)
}

function textsOf (info: ReportedDecision['info']): ReportedDecision['info'] {
  const texts = Object.entries(info).filter(([, value]) => typeof value === 'string')
  return Object.fromEntries(texts.map(([key, value]) => [key, String(value).slice(0, 100)]))
}
