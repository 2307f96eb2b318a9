import type { AddressScope } from '../../types/contract.ts'
export function addressScope (_ip: string): AddressScope { return 'public' }
