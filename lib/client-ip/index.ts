export { type ClientIpFinder, createClientIp, createClientIpResolver, notLookedUp } from './resolver.ts'
export { noAddress, nothingIgnored } from './result.ts'
export { trustProxyWarning } from './settings.ts'
export { type Watch, watchMisconfiguration } from './watch.ts'
