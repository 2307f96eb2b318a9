/** Address 45, brackets 2, zone 16, port 6. */
export const MAX_ENTRY_LENGTH = 69

/**
 * Reads a list header from the right, one element at a time, because only the right end was written by a proxy that is ours: what a
 * visitor put at the left is never looked at. Bounds stand in `elementStart` and `elementEnd`.
 */
export let elementStart = 0
export let elementEnd = 0

/** The header's lines as one text. Node joins them itself; other servers may hand over an array. */
export function joinedLines (value: string | readonly string[] | undefined): string {
  if (typeof value === 'string') return value
  return Array.isArray(value) ? value.filter(line => typeof line === 'string').join(',') : ''
}

/** The end of the last element that is not empty in `text[0, end)`, or 0: white space and empty elements ("a, ,b") are passed over. */
export function lastElementEnd (text: string, end: number): number {
  let last = end
  for (; last > 0; last--) {
    const code = text.charCodeAt(last - 1)
    if (code !== 44 && !isSpace(code)) break
  }
  return last
}

/** Whether an element begins at `start`: only white space stands between it and a comma or the text's start. */
export function beginsElement (text: string, start: number): boolean {
  let before = start - 1
  while (before >= 0 && isSpace(text.charCodeAt(before))) before--
  return before < 0 || text.charCodeAt(before) === 44
}

/**
 * Bounds the last element that is not empty in `text[0, end)`. The start of the next one to the left, or -1 when there was none.
 * `whole: false` stops inside an element that is too long to be an address; what is bounded then is too long as well.
 */
export function previousElement (text: string, end: number, whole = true): number {
  const last = lastElementEnd(text, end) - 1
  if (last < 0) return -1
  const limit = whole ? 0 : Math.max(0, last - MAX_ENTRY_LENGTH - 1)
  let first = last
  while (first >= limit && text.charCodeAt(first) !== 44) first--
  const next = first < 0 ? 0 : first
  const cut = first >= 0 && text.charCodeAt(first) !== 44
  first++
  elementEnd = last + 1
  // What was cut keeps its length, so that it cannot pass for an address.
  if (!cut) while (isSpace(text.charCodeAt(first))) first++
  elementStart = first
  return next
}

function isSpace (code: number): boolean {
  return code === 32 || code === 9
}
