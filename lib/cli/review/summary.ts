import type { Decision } from '../../../types/contract.ts'
import { harder } from '../../policy/index.ts'
import { type ReviewRecord, toUtf8 } from './record.ts'
import type { AddressVerdict } from './verdicts.ts'

/** An address with something against it, over all its rows. */
export interface AddressRow {
  readonly address: string
  readonly verdict: string
  readonly score: number | null
  readonly categories: string
  readonly asn: string
  readonly org: string
  readonly country: string
  decision: Decision
  rows: number
  writes: number
  /** Writes that the application answered with success (2xx or 3xx), as far as the log says. */
  succeeded: number
  firstMs: number | null
  lastMs: number | null
  readonly routes: string[]
}

type ByVerdict = Record<string, number>

export interface SummaryState {
  bucketMs: number
  /** By the start of their time. */
  buckets: Record<string, ByVerdict>
  readonly routes: Record<string, ByVerdict>
  readonly networks: Record<string, ByVerdict>
  readonly countries: Record<string, ByVerdict>
  readonly addresses: Record<string, AddressRow>
  /** Whether addresses, routes or networks were left out to bound memory. */
  truncated: boolean
}

const MINUTE = 60_000
const MAX_BUCKETS = 240
const MAX_KEYS = 2_000
const MAX_ADDRESSES = 20_000

export interface Summary {
  readonly state: SummaryState
  add (record: ReviewRecord, found: AddressVerdict, decision: Decision, route: string, write: boolean): void
}

/** What a report shows, in memory that does not grow with the input. */
export function createSummary (given?: SummaryState): Summary {
  const state: SummaryState = {
    bucketMs: given?.bucketMs ?? MINUTE,
    buckets: table(given?.buckets),
    routes: table(given?.routes),
    networks: table(given?.networks),
    countries: table(given?.countries),
    addresses: table(given?.addresses),
    truncated: given?.truncated ?? false
  }
  let addresses = Object.keys(state.addresses).length

  /**
   * Beyond the first 2,000 keys, rows count under "other": a visitor chooses paths, and must not fill the memory. True
   * where the key is new.
   */
  function count (rows: Record<string, ByVerdict>, key: string, verdict: string): boolean {
    const isNew = rows[key] === undefined
    const full = isNew && Object.keys(rows).length >= MAX_KEYS
    if (full) state.truncated = true
    const row = rows[full ? 'other' : key] ??= table<number>()
    row[verdict] = (row[verdict] ?? 0) + 1
    return isNew
  }

  function add (record: ReviewRecord, found: AddressVerdict, decision: Decision, route: string, write: boolean): void {
    const { risk } = found
    const { timeMs } = record
    if (timeMs !== undefined) {
      const start = Math.floor(timeMs / state.bucketMs) * state.bucketMs
      if (count(state.buckets, String(start), risk.verdict)) {
        while (Object.keys(state.buckets).length > MAX_BUCKETS) widen()
      }
    }
    const { asn = '', org, isp, countryCode, country } = risk.info
    if (route !== '') count(state.routes, route, risk.verdict)
    count(state.networks, `${asn} ${org ?? isp ?? ''}`.trim() || 'unknown network', risk.verdict)
    count(state.countries, countryCode ?? country ?? 'unknown country', risk.verdict)
    const isRisky = record.address !== null && weightOf(risk.verdict, risk.score) > 0
    if (isRisky) addAddress(record, found, decision, route, write)
  }

  function addAddress (
    record: ReviewRecord, { risk }: AddressVerdict, decision: Decision, route: string, write: boolean
  ): void {
    const { address, status } = record
    const timeMs = record.timeMs ?? null
    const key = risk.ip ?? toUtf8(address!)
    const row: AddressRow = state.addresses[key] ??= {
      address: key,
      verdict: risk.verdict,
      score: risk.score,
      categories: risk.categories.join(', '),
      asn: risk.info.asn ?? '',
      org: risk.info.org ?? risk.info.isp ?? '',
      country: risk.info.countryCode ?? risk.info.country ?? '',
      decision,
      rows: 0,
      writes: 0,
      succeeded: 0,
      firstMs: timeMs,
      lastMs: timeMs,
      routes: []
    }
    row.rows++
    if (write) row.writes++
    if (write && status !== undefined && status >= 200 && status < 400) row.succeeded++
    row.decision = harder(row.decision, decision)
    if (timeMs !== null) {
      row.firstMs = Math.min(row.firstMs ?? timeMs, timeMs)
      row.lastMs = Math.max(row.lastMs ?? timeMs, timeMs)
    }
    if (route !== '' && row.routes.length < 3 && !row.routes.includes(route)) row.routes.push(route)
    if (row.rows === 1 && ++addresses > MAX_ADDRESSES) dropLeast()
  }
  function dropLeast (): void {
    state.truncated = true
    const kept = byPriority(state).slice(0, MAX_ADDRESSES / 2)
    for (const key of Object.keys(state.addresses)) delete state.addresses[key]
    for (const row of kept) state.addresses[row.address] = row
    addresses = kept.length
  }

  function widen (): void {
    state.bucketMs *= state.bucketMs < 60 * MINUTE ? 5 : 4
    const wider = table<ByVerdict>()
    for (const [start, counts] of Object.entries(state.buckets)) {
      const sum = wider[String(Math.floor(Number(start) / state.bucketMs) * state.bucketMs)] ??= table<number>()
      for (const [verdict, rows] of Object.entries(counts)) sum[verdict] = (sum[verdict] ?? 0) + rows
    }
    state.buckets = wider
  }

  return { state, add }
}

/** Without a prototype: a path such as `__proto__` is a key like any other. */
function table<T> (entries: Readonly<Record<string, T>> = {}): Record<string, T> {
  return Object.assign(Object.create(null) as Record<string, T>, entries)
}

/** The addresses most worth a person's time first. */
export function byPriority ({ addresses }: SummaryState): AddressRow[] {
  return Object.values(addresses).sort((a, b) => priorityOf(b) - priorityOf(a) || b.rows - a.rows)
}

const verdictWeights: Readonly<Record<string, number>> = { vpn_detected: 0.95, vpn_likely: 0.65, suspicious: 0.4 }

function weightOf (verdict: string, score: number | null): number {
  return verdict === 'clean' || verdict === 'unknown' ? 0 : score ?? verdictWeights[verdict] ?? 0
}

/**
 * How much an address is worth a person's time: its risk, times what it did. Writes count more than reads, and writes
 * that succeeded most, since they may have to be undone.
 */
function priorityOf ({ verdict, score, rows, writes, succeeded }: AddressRow): number {
  const done = Math.log10(1 + rows) + 2 * Math.log10(1 + writes) + 3 * Math.log10(1 + succeeded)
  return weightOf(verdict, score) * (1 + done)
}
