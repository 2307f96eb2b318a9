import type { KnownAnswer, Provider, ProviderAnswer, UnknownReason, VerdictName } from '../../types/contract.ts'

export type Row = VerdictName | UnknownReason | ProviderAnswer

export interface TableProvider extends Provider {
  /** Addresses in the order in which they were asked for. */
  readonly calls: string[]
}

const scores: { readonly [V in VerdictName]: number } = { clean: 0.1, suspicious: 0.4, vpn_likely: 0.6, vpn_detected: 0.9 }

export function answer (verdict: VerdictName, more: Partial<KnownAnswer> = {}): KnownAnswer {
  const isVpn = verdict === 'vpn_likely' || verdict === 'vpn_detected'
  return { verdict, score: scores[verdict], isVpn, confidence: 0.8, signals: [], info: {}, categories: [], ...more }
}

/** Answers what the table says, a turn of the event loop later; `no_data` for the rest. */
export function tableProvider (table: { readonly [ip: string]: Row }, more: Partial<Provider> = {}): TableProvider {
  const calls: string[] = []
  return {
    name: 'table',
    calls,
    async lookup (ip) {
      calls.push(ip)
      await new Promise(resolve => setImmediate(resolve))
      const row = table[ip] ?? 'no_data'
      if (typeof row === 'object') return row
      return row in scores ? answer(row as VerdictName) : { verdict: 'unknown', reason: row as UnknownReason }
    },
    ...more
  }
}

/** One documentation address for each verdict. */
export const visitors = {
  clean: '203.0.113.1',
  suspicious: '203.0.113.2',
  vpn_likely: '203.0.113.3',
  vpn_detected: '203.0.113.4',
  unknown: '203.0.113.5'
} as const

export function visitorProvider (): TableProvider {
  return tableProvider({
    [visitors.clean]: 'clean',
    [visitors.suspicious]: 'suspicious',
    [visitors.vpn_likely]: 'vpn_likely',
    [visitors.vpn_detected]: 'vpn_detected',
    [visitors.unknown]: 'unavailable'
  })
}
