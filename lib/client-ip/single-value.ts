import type { Family } from '../ip/address.ts'
import type { ResolveReason } from '../../types/contract.ts'
import { parseEntry, parsePlain } from './entry.ts'

/** The header's text where `readSingle` found an address in it. */
export let singleText = ''
export let singleFamily: 4 | 6 = 4

/**
 * The one address of a header that must hold exactly one; `words` hold it then. Otherwise why it cannot be used. Repeated lines come from
 * Node joined with commas. `plain`: no port, no brackets.
 */
export function readSingle (value: string | readonly string[] | undefined, plain: boolean): ResolveReason | undefined {
  const text = typeof value === 'string' ? value : onlyLine(value)
  if (text === undefined) return value === undefined || value.length === 0 ? 'header-missing' : 'multiple-values'
  let start = 0
  let end = text.length
  while (start < end && isSpace(text.charCodeAt(start))) start++
  while (end > start && isSpace(text.charCodeAt(end - 1))) end--
  const family: Family = plain ? parsePlain(text, start, end) : parseEntry(text, start, end)
  if (family === 0) return text.includes(',') ? 'multiple-values' : 'invalid-value'
  singleText = text
  singleFamily = family
  return undefined
}

function onlyLine (value: readonly string[] | undefined): string | undefined {
  const lines = Array.isArray(value) ? value.filter(line => typeof line === 'string') : []
  return lines.length === 1 ? lines[0] : undefined
}

function isSpace (code: number): boolean {
  return code === 32 || code === 9
}
