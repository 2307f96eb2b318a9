import type { Decision, Outcome } from '../../types/contract.ts'
import type { ReportCounts, ReportRow } from '../../types/report.ts'

/** Every outcome of a request. */
export const outcomes: readonly Outcome[] = [
  'allowed', 'flagged', 'challenged', 'satisfied', 'blocked', 'not_enforced', 'not_reached', 'client_gone'
]

type MutableCounts = { -readonly [K in keyof ReportCounts]: number }

export function noCounts (): MutableCounts {
  return { requests: 0, blocked: 0, challenged: 0, satisfied: 0, wouldBlock: 0, wouldChallenge: 0, flagged: 0 }
}

/** The column, beside `requests`, in which a request counts; undefined where the policy did nothing to it. */
export function columnOf (outcome: Outcome, wouldBe: Decision): Exclude<keyof ReportCounts, 'requests'> | undefined {
  switch (outcome) {
    case 'blocked': case 'challenged': case 'satisfied': case 'flagged': return outcome
    case 'not_enforced': break
    default: return undefined
  }
  return wouldBe === 'block' ? 'wouldBlock' : wouldBe === 'step_up_auth' ? 'wouldChallenge' : undefined
}

export function addTo (counts: MutableCounts, column: keyof ReportCounts | undefined, requests: number): void {
  counts.requests += requests
  if (column !== undefined) counts[column] += requests
}

/** Requests that were stopped, or would have been. */
export function stopped ({ blocked, challenged, wouldBlock, wouldChallenge }: ReportCounts): number {
  return blocked + challenged + wouldBlock + wouldChallenge
}

/** Counts by key, for at most `maxKeys` keys: a visitor chooses some keys, and must not fill the memory. */
export interface KeyedCounts {
  add (key: string, column: keyof ReportCounts | undefined, requests: number, label?: string): void
  /** The most stopped first, then the most flagged, then the most requests. */
  rows (): ReportRow[]
}

export function keyedCounts (maxKeys: number): KeyedCounts {
  const counts = new Map<string, { readonly counts: MutableCounts, label: string | undefined }>()
  return {
    add (key, column, requests, label) {
      const bounded = counts.has(key) || counts.size < maxKeys ? key : 'other'
      let row = counts.get(bounded)
      if (row === undefined) {
        row = { counts: noCounts(), label: bounded === key ? label : undefined }
        counts.set(bounded, row)
      }
      addTo(row.counts, column, requests)
    },
    rows () {
      return [...counts].map(([key, { counts, label }]) => ({ key, ...label !== undefined && { label }, ...counts }))
        .sort((a, b) => stopped(b) - stopped(a) || b.flagged - a.flagged || b.requests - a.requests)
    }
  }
}
