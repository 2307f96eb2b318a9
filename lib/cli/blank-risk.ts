import type { IpRisk } from '../../types/contract.ts'

/** An address of which only the verdict is known, as a policy judges it. */
export function blankRisk (verdict: IpRisk['verdict']): IpRisk {
  return {
    ip: null,
    source: 'none',
    verdict,
    ...verdict === 'unknown' && { reason: 'no_data' },
    score: null,
    isVpn: false,
    confidence: null,
    signals: [],
    info: {},
    categories: [],
    provider: 'none',
    cache: 'none',
    ageSeconds: 0,
    action: null,
    write: true,
    decision: 'allow',
    decidedBy: 'policy'
  }
}
