import type { Provider } from '../../types/contract.ts'
export function iplogs (_o?: object): Provider { return { name: 'iplogs', lookup: () => ({ verdict: 'unknown', reason: 'no_data' }) } }
