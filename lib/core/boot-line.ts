import type { ClientIpOptions, EngineOptions } from '../../types/contract.ts'
import type { PluginScope } from '../options/index.ts'
import { defaultPolicy } from '../policy/index.ts'
import { ageText, counted, version } from '../util/index.ts'
import type { Engine } from './engine.ts'

/** What an engine was started with: fields without a secret or an address, and a sentence. */
export interface BootLine { readonly fields: object, readonly message: string }

/** Counts of proxies, not their addresses. Decisions have the field `ipRisk`, so this one has another. */
export function bootLine (engine: Engine, scope: PluginScope, options: EngineOptions): BootLine {
  const { redis, clientIp, providers } = engine.stats()
  const ages = Object.entries(providers).flatMap(([name, { dataAgeSeconds: age }]) =>
    age === undefined ? [] : [[name, age] as const])
  const loading = Object.keys(providers).filter(name => providers[name]!.dataIsLoading === true)
  const missing = Object.keys(providers).filter(name => providers[name]!.dataIsMissing === true)
  const cache = redis === 'none'
    ? 'memory of this process only ("redis" is not set)'
    : `shared through Redis (${redis})`
  const trusted = trustedText(options.clientIp)
  const policy = policyDifferences(scope)
  const { cloudflareRangesAgeSeconds: ageSeconds } = clientIp
  const rangesDays = ageSeconds === undefined ? undefined : Math.floor(ageSeconds / 86_400)
  return {
    fields: {
      ipRiskStart: {
        version,
        provider: engine.providerName,
        redis,
        trusted,
        mode: scope.mode,
        policy,
        ...ages.length > 0 && { dataAgeSeconds: Object.fromEntries(ages) },
        ...loading.length > 0 && { dataLoading: loading },
        ...missing.length > 0 && { dataMissing: missing },
        ...rangesDays !== undefined && { cloudflareRangesAgeDays: rangesDays }
      }
    },
    message: `fastify-ip-risk ${version}: provider ${engine.providerName}, cache ${cache}, ${trusted}, ` +
      `mode ${scope.mode}, policy ${policy.length === 0 ? 'default' : policy.join(', ')}` +
      ages.map(([name, age]) => `, data of ${name} ${ageText(age)} old`).join('') +
      loading.map(name => `, data of ${name} loading (addresses are "unknown" until then)`).join('') +
      missing.map(name => `, no data of ${name} (addresses are "unknown")`).join('') +
      (rangesDays === undefined ? '' : `, Cloudflare's ranges ${counted(rangesDays, 'day')} old`)
  }
}

/** Counts, not addresses: networks of the operator do not belong in a log. */
function trustedText (options: ClientIpOptions = {}): string {
  const { trusted = [], hops, cloudflare, dangerouslyTrustEveryHop } = options
  const count = [trusted].flat().length
  const parts = [
    ...dangerouslyTrustEveryHop === true ? ['trusts every hop'] : [],
    ...count > 0 ? [`trusts ${count} ${count === 1 ? 'entry' : 'entries'} of clientIp.trusted`] : [],
    ...hops === undefined ? [] : [`trusts ${counted(hops, 'hop')}`],
    ...cloudflare === undefined || cloudflare === false ? [] : ['trusts Cloudflare']
  ]
  return parts.length === 0 ? 'trusts no proxy' : parts.join(' and ')
}

/** Cells that differ from the default policy, as `write.vpn_likely=block`. */
function policyDifferences ({ policy: { table, policyFunction } }: PluginScope): string[] {
  const cells = (['write', 'read'] as const).flatMap(row => differences(row, table[row], defaultPolicy[row]))
  const rules = table.rules.length - defaultPolicy.rules.length
  return [
    ...cells,
    ...rules > 0 ? [counted(rules, 'more rule')] : [],
    ...table.allowBlockingReads === defaultPolicy.allowBlockingReads ? [] : ['allowBlockingReads'],
    ...policyFunction === undefined ? [] : ['a function']
  ]
}

function differences (path: string, value: unknown, standard: unknown): string[] {
  if (typeof value !== 'object' || value === null) return value === standard ? [] : [`${path}=${String(value)}`]
  const other = (typeof standard === 'object' && standard !== null ? standard : {}) as Record<string, unknown>
  return Object.entries(value).flatMap(([key, one]) => differences(`${path}.${key}`, one, other[key]))
}
