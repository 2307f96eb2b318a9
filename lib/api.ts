import type { IpRiskApi } from '../types/api.ts'
import type { RawRequest } from '../types/contract.ts'
import { assessAlone, assessMany } from './alone.ts'
import type { Engine } from './engine.ts'
import { badOption } from './errors.ts'
import { canonicalAddress } from './ip/address.ts'
import { checkNumber, checkObject, shown } from './options.ts'
import { judge } from './policy/policy.ts'
import type { Scope } from './scope.ts'

/** What applications call themselves: `app.ipRisk`, and the face of `createIpRisk`. */
export function createApi (engine: Engine, scope: Scope): IpRiskApi {
  return {
    lookup: ip => assessAlone(engine, scope, ip),
    bulk: (ips, options) => assessMany(engine, scope, ips, options),
    decide: (risk, { action = null, write, method = write ? 'POST' : 'GET', url }) =>
      judge(scope.policy, risk, { action, write, method, url }, engine.log).decision,
    explain: request => engine.explain('raw' in request ? request.raw : request as RawRequest),
    async allow (ip, options) {
      const { ttlSeconds } = checkObject<typeof options>('allow', options, ['ttlSeconds'])
      const checked = checkNumber('allow.ttlSeconds', ttlSeconds, undefined, { min: 1, max: 31_536_000 })
      if (checked === undefined) throw badOption('allow.ttlSeconds', 'is missing: say for how long the address may pass')
      await engine.allow(checkAddress(ip), checked)
    },
    async invalidate (ip) {
      await engine.invalidate(checkAddress(ip))
    },
    setCloudflareRanges: engine.setCloudflareRanges,
    stats: engine.stats
  }
}

function checkAddress (ip: unknown): string {
  const canonical = typeof ip === 'string' ? canonicalAddress(ip) : null
  if (canonical === null) throw badOption('ip', `must be an IP address, got ${shown(ip)}`)
  return canonical
}
