import type { PublishedRanges, ScopeRow } from './parse.ts'

/** What lib/ip/published-ranges.ts exports. */
export interface BundledRanges {
  readonly specialPurpose: readonly ScopeRow[]
  readonly cloudflareRanges: readonly string[]
  readonly cloudflareDate: string
}

/** The package warns of Cloudflare's ranges when they are 180 days old, so a release must not bring old ones. */
const MAX_AGE_DAYS = 30

/** Why a release must not be made with the bundled ranges; empty: it may. */
export function rangesProblems (published: PublishedRanges, bundled: BundledRanges, nowMs: number): string[] {
  const problems = [
    ...differences('IANA', published.rows.map(row => row.join(' ')), bundled.specialPurpose.map(row => row.join(' '))),
    ...differences('Cloudflare', published.cloudflare, bundled.cloudflareRanges)
  ]
  const ageDays = (nowMs - Date.parse(bundled.cloudflareDate)) / 86_400_000
  if (!(ageDays <= MAX_AGE_DAYS)) problems.push(`the ranges of Cloudflare are of ${bundled.cloudflareDate}, more than ${MAX_AGE_DAYS} days ago`)
  return problems
}

function differences (who: string, published: readonly string[], bundled: readonly string[]): string[] {
  const missing = published.filter(range => !bundled.includes(range)).map(range => `${who} publishes ${range}, which is missing`)
  const gone = bundled.filter(range => !published.includes(range)).map(range => `${who} does not publish ${range} any more`)
  return [...missing, ...gone]
}
