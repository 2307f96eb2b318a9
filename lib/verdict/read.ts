/** Readers of values from outside (a provider, a cache entry): a value of the right type, or undefined. */

export type Json = Readonly<Record<string, unknown>>

export function isObject (value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/**
 * A finite number, also as a decimal string (providers send both; PHP writes 1.0E-5). Not NaN, empty or hexadecimal
 * text.
 */
export function readNumber (value: unknown): number | undefined {
  const isDecimal = typeof value === 'string' && /^-?\d{1,20}(\.\d{1,40})?(e[+-]?\d{1,3})?$/i.test(value)
  const number = isDecimal ? Number(value) : value
  return typeof number === 'number' && Number.isFinite(number) ? number : undefined
}

/** A number from 0 to 1. */
export function readFraction (value: unknown): number | undefined {
  const number = readNumber(value)
  return number !== undefined && number >= 0 && number <= 1 ? number : undefined
}

export function readBoolean (value: unknown): boolean | undefined {
  return typeof value === 'boolean' ? value : undefined
}

/** Non-empty text without half characters, cut to a bounded length: what a provider sends must not fill the memory. */
export function readText (value: unknown, maxLength = 200): string | undefined {
  return typeof value === 'string' && value !== '' ? value.slice(0, maxLength).toWellFormed() : undefined
}

export function readTexts (value: unknown, maxEntries: number): readonly string[] | undefined {
  if (!Array.isArray(value)) return undefined
  return value.slice(0, maxEntries).map(entry => readText(entry)).filter(text => text !== undefined)
}

/** One of the names, or undefined. */
export function readOneOf<T extends string> (value: unknown, names: readonly T[]): T | undefined {
  return names.includes(value as T) ? value as T : undefined
}
