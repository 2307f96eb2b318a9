import type { Provider } from '../../types/contract.ts'
export function lists (_o?: object): Provider { return { name: 'lists', sync: true, lookup: () => ({ verdict: 'unknown', reason: 'no_data' }) } }
