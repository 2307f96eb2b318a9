import { type Cidr, parseCidr } from '../ip/cidr.ts'

/** Shorter prefixes are not Cloudflare's: its widest networks are a /13 and a /29. */
const shortestPrefix = { 4: 11, 6: 28 } as const

/** The networks of a list of Cloudflare's ranges. Throws a `RangeError` where one line is wrong: then none of them is believed. */
export function parseCloudflareList (lines: readonly string[]): Cidr[] {
  if (lines.length === 0) throw new RangeError('the list is empty')
  return lines.map(line => {
    const cidr = parseCidr(line)
    const shortest = shortestPrefix[cidr.family]
    if (cidr.prefix < shortest) throw new RangeError(`"${line}" is wider than any network of Cloudflare (/${shortest} at most)`)
    return cidr
  })
}

/** A list in place of `current`: plausible, and not a part of one. A text is one network a line. */
export function replacementList (ranges: string | readonly string[], current: readonly Cidr[]): Cidr[] {
  const lines = typeof ranges === 'string' ? ranges.split('\n').map(line => line.trim()).filter(line => line !== '') : ranges
  if (!Array.isArray(lines) || lines.some(line => typeof line !== 'string')) throw new RangeError('the list must be strings, one network each')
  const cidrs = parseCloudflareList(lines)
  if (cidrs.length * 2 < current.length) throw new RangeError(`the list has ${cidrs.length} networks where ${current.length} were`)
  return cidrs
}
