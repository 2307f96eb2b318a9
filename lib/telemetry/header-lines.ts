interface PastedHeaders {
  readonly headers: Readonly<Record<string, string>>
  readonly rawHeaders: readonly string[]
}

/** Headers that somebody pasted, as Node.js would have them. Lines that are no header are left out. */
export function headersOf (text: string): PastedHeaders {
  const headers: Record<string, string> = Object.create(null)
  const rawHeaders: string[] = []
  for (const line of text.split(/\r?\n/)) {
    const [, name, rest] = /^([\w!#$%&'*+.^`|~-]+):(.*)$/.exec(line) ?? []
    if (name === undefined || rest === undefined) continue
    const value = rest.trim()
    const key = name.toLowerCase()
    rawHeaders.push(name, value)
    headers[key] = headers[key] === undefined ? value : `${headers[key]}, ${value}`
  }
  return { headers, rawHeaders }
}
