/** The number that an option of a script gives. Throws where that is none, or not above 0: the script would do nothing, and succeed. */
export function positive (option: string, text: string): number {
  const value = Number(text)
  if (value > 0) return value
  throw new Error(`--${option} must be a positive number, got ${text}`)
}
