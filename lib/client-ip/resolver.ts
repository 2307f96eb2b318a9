import type { ClientIp, ClientIpOptions, ClientIpResolver, IpRiskLogger, RawRequest } from '../../types/contract.ts'
import type { ClientIpExplanation } from '../../types/api.ts'
import { canonicalAddress } from '../ip/address.ts'
export function createClientIpResolver (options?: ClientIpOptions): ClientIpResolver { return createClientIp(options).resolve }
export function createClientIp (options?: ClientIpOptions, _log?: IpRiskLogger): { resolve: ClientIpResolver, explain: (raw: RawRequest) => ClientIpExplanation } {
  const resolve: ClientIpResolver = raw => {
    const peer = canonicalAddress(raw.socket.remoteAddress ?? '')
    const xff = raw.headers['x-forwarded-for']
    const ip = options?.trusted && typeof xff === 'string' ? canonicalAddress(xff.split(',').at(-1)!.trim()) : peer
    return { ip, source: ip === peer ? 'remote-address' : 'x-forwarded-for', peer, hops: 0, scope: 'public', infrastructure: false, ignored: [] } satisfies ClientIp
  }
  return { resolve, explain: raw => ({ ...resolve(raw), steps: [] }) }
}
