import { formatCidr } from '../ip/cidr.ts'
import { cloudflareDate } from '../ip/cloudflare-ranges.ts'
import type { ClientIpSettings } from './settings.ts'
import { type Named, overlaps } from './trust.ts'

/** Older, and an edge may be missing from the bundled list. */
const MAX_BUNDLED_AGE_DAYS = 180

/** For the plugin, which alone can see it (`hasRequestDecorator('ips')`). */
export const trustProxyWarning: string = 'Fastify\'s own trustProxy is on: request.ip is found by other rules and may differ from request.ipRisk.ip. ' +
  'Set clientIp here and leave trustProxy out, or give both the same proxies'

/** What is allowed and probably not meant. One sentence each, said at start. */
export function warningsOf (settings: ClientIpSettings, now: number): string[] {
  const { trusted, via, cloudflare, cloudflareMode, hops, bundled, everyHop, unix } = settings
  const on = cloudflareMode === 'on'
  const found = [...trusted, ...via].flatMap(doubtful)
  found.push(...overlaps([...trusted, ...via]).map(text => `clientIp.trusted: ${text}: leave one of them out`))
  if (cloudflare.some(edge => overlaps([{ cidr: edge, text: 'Cloudflare' }, ...trusted]).some(text => text.includes('"Cloudflare"')))) {
    found.push('clientIp.trusted has addresses of Cloudflare: anybody can run a Worker there, so take them out' +
      (on ? '; `cloudflare` covers the edge' : ' and set clientIp.cloudflare: true'))
  }
  if (hops !== undefined && trusted.length === 0 && unix === undefined) {
    found.push('clientIp.hops without clientIp.trusted: a count breaks silently when a proxy is added or removed. Name the proxies in clientIp.trusted')
  }
  const ageDays = Math.floor((now - Date.parse(cloudflareDate)) / 86_400_000)
  if (on && bundled && ageDays > MAX_BUNDLED_AGE_DAYS) {
    found.push(`clientIp.cloudflare: the bundled list of Cloudflare's ranges is ${ageDays} days old (${cloudflareDate}). ` +
      'Update this package, give clientIp.cloudflare.ranges, or call setCloudflareRanges with the list of https://www.cloudflare.com/ips/')
  }
  if (everyHop) found.push('clientIp.dangerouslyTrustEveryHop: every visitor can forge an address. Only for tests')
  return found
}

function doubtful ({ cidr, text }: Named): string[] {
  const found: string[] = []
  if (cidr.hostBits) found.push(`clientIp: "${text}" has bits set right of the prefix: it means ${formatCidr(cidr)}; write that, or the address alone`)
  if (cidr.prefix < (cidr.family === 4 ? 8 : 16) && text.includes('/')) found.push(`clientIp: "${text}" is very wide: list the networks of your proxies`)
  return found
}
