// Visits of one account to a service that remembers in memory, by a clock of its own.
import { createFamiliarity } from '../../lib/familiarity/index.ts'
import type { Category, IpInfo, IpRisk, VerdictName } from '../../types/contract.ts'
import { answer } from './table-provider.ts'

export const DAY_MS = 86_400_000
export const bounds = { rememberMs: 90 * DAY_MS, maxNetworks: 3 }

export function risk (ip: string, info: IpInfo = {}, verdict: VerdictName = 'clean', categories: readonly Category[] = []): IpRisk {
  return {
    ip,
    source: 'none',
    ...answer(verdict),
    info,
    categories,
    provider: 'table',
    cache: 'memory',
    ageSeconds: 0,
    action: null,
    write: true,
    decision: 'allow',
    decidedBy: 'policy'
  }
}

export const home: IpInfo = { asn: 'AS64500', countryCode: 'DE', city: 'Berlin', lat: 52.52, lon: 13.4 }
export const far: IpInfo = { asn: 'AS64511', countryCode: 'AU', city: 'Sydney', lat: -33.87, lon: 151.2 }

export function service () {
  let nowMs = Date.parse('2026-01-01')
  const accounts = createFamiliarity({ redis: undefined, secrets: undefined, keyPrefix: '', now: () => nowMs })
  const visit = (ip: string, info = home, verdict: VerdictName = 'clean', device: string | null = null, categories: readonly Category[] = []) =>
    ({ account: 'ada', device, risk: risk(ip, info, verdict, categories) })
  return {
    accounts,
    wait (ms: number) { nowMs += ms },
    of: async (...given: Parameters<typeof visit>) => await accounts.of(visit(...given), bounds),
    learn: async (strength: 1 | 2, ...given: Parameters<typeof visit>) => { await accounts.learn(visit(...given), strength, bounds) }
  }
}
