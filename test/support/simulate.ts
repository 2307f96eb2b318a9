/** A decision record as `onDecision` gets it; what a row says takes the place of the default. */
export function recordLine (more: Readonly<Record<string, unknown>> = {}): string {
  const write = more['write'] !== false
  const decision = more['decision'] ?? 'allow'
  return JSON.stringify({
    source: 'remote_address',
    verdict: 'clean',
    score: 0,
    isVpn: false,
    confidence: null,
    signals: [],
    info: {},
    categories: [],
    provider: 'lists',
    cache: 'none',
    ageSeconds: 0,
    action: 'signup',
    write,
    decision,
    decidedBy: 'policy',
    address: '192.0.2.1',
    outcome: 'not_enforced',
    requestId: '1',
    method: write ? 'POST' : 'GET',
    route: '/signup',
    wouldBe: decision,
    mode: 'monitor',
    durationMs: 1,
    at: '2026-11-28T06:00:00.000Z',
    ...more
  })
}

export function recordLines (rows: readonly Readonly<Record<string, unknown>>[]): string {
  return rows.map(recordLine).join('\n')
}
