const secretName = /secret|password|passwd|token|api[-_]?key|^key$|licen[cs]e|credential|authorization|cookie|^auth$/i
const MAX_DEPTH = 6

/**
 * Every text that must not appear in the output: values under names such as `keySecret` or `password`, and passwords in
 * URLs. Messages of other libraries may quote them.
 */
export function secretsIn (value: unknown, name = '', depth = 0, seen: Set<object> = new Set()): string[] {
  if (typeof value === 'string') return secretName.test(name) ? [value] : inUrl(value)
  if (typeof value !== 'object' || value === null || seen.has(value) || depth > MAX_DEPTH) return []
  seen.add(value)
  return Object.entries(value).flatMap(([key, inner]) => (
    secretsIn(inner, Array.isArray(value) ? name : key, depth + 1, seen)))
}

function inUrl (text: string): string[] {
  const [, credentials] = /^[a-z][a-z\d+.-]*:\/\/([^/?#]*)@/i.exec(text) ?? []
  if (credentials === undefined) return []
  const password = credentials.slice(credentials.indexOf(':') + 1)
  return [text, password, decoded(password)]
}

function decoded (text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

/** Longer secrets first, so that none leaves a part of another one. */
export function redactor (secrets: readonly string[]): (text: string) => string {
  const known = [...new Set(secrets)].filter(secret => secret.length >= 4).sort((a, b) => b.length - a.length)
  return text => known.reduce((shown, secret) => shown.replaceAll(secret, '[secret]'), text)
}
