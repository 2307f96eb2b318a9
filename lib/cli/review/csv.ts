const needsQuotes = /[",;\t|\r\n]/
/** What a spreadsheet takes for a formula (OWASP, "CSV Injection"), full-width signs in UTF-8 included. */
const formula = /^[ \t\r\n]*(?:[=+\-@\t\r\n]|\xef\xbc[\x9d\x8b\x8d\xa0])/
const harmless = /^(?:-|[+-]?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)$/

/** A cell that no spreadsheet takes for a formula: such text gets an apostrophe in front. Numbers stay as they are. */
export function csvCell (text: string): string {
  if (text === '') return ''
  const first = text.charCodeAt(0)
  // Letters and digits begin no formula: most cells are done here.
  const suspicious = first < 0x30 || first === 0x3d || first === 0x40 || first === 0xef
  const safe = suspicious && formula.test(text) && !harmless.test(text) ? `'${text}` : text
  return needsQuotes.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe
}

/** The cells of a record (RFC 4180); a quote that does not begin a cell is an ordinary character. */
export function csvCells (line: string, delimiter: string): string[] {
  if (!line.includes('"')) return line.split(delimiter)
  const cells: string[] = []
  let at = 0
  for (;;) {
    if (line[at] === '"') {
      const end = closingQuote(line, at + 1)
      const rest = line.indexOf(delimiter, end + 1)
      const tail = line.slice(end + 1, rest < 0 ? undefined : rest)
      cells.push(line.slice(at + 1, end).replaceAll('""', '"') + tail)
      if (rest < 0) return cells
      at = rest + 1
    } else {
      const end = line.indexOf(delimiter, at)
      cells.push(line.slice(at, end < 0 ? undefined : end))
      if (end < 0) return cells
      at = end + 1
    }
  }
}

function closingQuote (line: string, from: number): number {
  for (let at = line.indexOf('"', from); at >= 0; at = line.indexOf('"', at + 2)) {
    if (line[at + 1] !== '"') return at
  }
  return line.length
}

/** The delimiter that occurs most often outside of quotes in the first line; null where there is none. */
export function delimiterOf (line: string): string | null {
  const outside = line.replaceAll(/"[^"]*"/g, '')
  const counts = [',', ';', '\t', '|'].map(delimiter => [delimiter, outside.split(delimiter).length - 1] as const)
  const [best, count] = counts.reduce((a, b) => b[1] > a[1] ? b : a)
  return count > 0 ? best : null
}
