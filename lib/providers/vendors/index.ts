/** Providers for vendors with accounts: entry `fastify-ip-risk/providers`. */
export { abuseipdb, type AbuseipdbOptions } from './abuseipdb.ts'
export { ipapiIs, type IpapiIsOptions } from './ipapi-is.ts'
export { ipinfo, type IpinfoOptions, type IpinfoProduct } from './ipinfo.ts'
export { ipqualityscore, type IpqualityscoreOptions } from './ipqualityscore.ts'
export { maxmindInsights, type MaxmindInsightsOptions } from './maxmind-insights.ts'
export { proxycheck, type ProxycheckOptions } from './proxycheck.ts'
export type { RemoteOptions, Secret } from '../http/index.ts'
