/** The number that an option of a script gives. Throws where that is none, or not above 0: the script would do nothing, and succeed. */
export function positive (option: string, text: string): number {
  const value = Number(text)
  if (value > 0) return value
  throw new Error(`--${option} must be a positive number, got ${text}`)
}

/** As `positive`, for one of a few names. */
export function oneOf<Name extends string> (option: string, names: readonly Name[], text: string): Name {
  const name = names.find(name => name === text)
  if (name !== undefined) return name
  throw new Error(`--${option} must be ${names.join(' or ')}, got ${text}`)
}

/** As `positive`, for a seed: any whole number. */
export function whole (option: string, text: string): number {
  const value = Number(text)
  if (Number.isSafeInteger(value) && text.trim() !== '') return value
  throw new Error(`--${option} must be a whole number, got ${text}`)
}
