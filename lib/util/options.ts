import { badOption } from '../errors.ts'

/** Small checks that every options reader shares. Each throws an `IpRiskError` that names the option and the fix. */

/** An object with none but the names given; `undefined` counts as `{}`. */
export function checkObject<T extends object> (path: string, value: unknown, names: readonly (keyof T & string)[]): T {
  if (value === undefined) return {} as T
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw badOption(path, `must be an object, got ${shown(value)}`)
  }
  for (const name of Object.keys(value)) {
    if (!(names as readonly string[]).includes(name)) {
      throw badOption(memberOf(path, name), `does not exist: use one of ${names.join(', ')}`)
    }
  }
  return value as T
}

/** What an error calls an option. The options of a plugin have no name before them. */
const memberOf = (path: string, name: string): string => path === 'options' ? name : `${path}.${name}`

/** Checks one option. `path` is what an error calls it. */
export type OptionReader<T> = (path: string, given: unknown) => T

/** A reader for each option. */
export type Specification<Options> = { readonly [K in keyof Required<Options> & string]: OptionReader<unknown> }

/** What a specification reads. */
export type OptionsOf<S> = { readonly [K in keyof S]: S[K] extends OptionReader<infer T> ? T : never }

/** Reads an object by a specification, which has a reader for each option. A name that it lacks is an error. */
export function readObject<S extends { readonly [name: string]: OptionReader<unknown> }> (
  path: string, given: unknown, specification: S
): OptionsOf<S> {
  const options = checkObject<{ [name: string]: unknown }>(path, given, Object.keys(specification))
  const read = Object.entries(specification).map(
    ([name, reader]) => [name, reader(memberOf(path, name), options[name])])
  return Object.fromEntries(read) as OptionsOf<S>
}

/** An integer from `min` to `max`. */
export function int<F extends number | undefined> (min: number, max: number, fallback: F): OptionReader<number | F> {
  return (path, given) => checkNumber(path, given, fallback, { min, max })
}

/** A number from `min` to `max`, with a fraction or without. */
export function real<F extends number | undefined> (min: number, max: number, fallback: F): OptionReader<number | F> {
  return (path, given) => checkNumber(path, given, fallback, { min, max, integer: false })
}

/** An option that another part of the library reads. */
export const unread: OptionReader<unknown> = (_path, given) => given

/** Undefined where nothing was given. */
export function optional<T> (reader: (path: string, given: unknown) => T): OptionReader<T | undefined> {
  return (path, given) => given === undefined ? undefined : reader(path, given)
}

export function func<T> (): OptionReader<T | undefined> {
  return (path, given) => checkFunction(path, given as T | undefined)
}

export function oneOf<const T extends string, const F extends T | undefined> (
  allowed: readonly T[], fallback: F
): OptionReader<T | F> {
  return (path, given) => given === undefined ? fallback : checkOneOf(path, given, allowed, allowed[0]!)
}

export function text<F extends string | undefined> (fallback: F): OptionReader<string | F> {
  return (path, given) => checkString(path, given, fallback)
}

export function flag (fallback: boolean): OptionReader<boolean> {
  return (path, given) => checkBoolean(path, given, fallback)
}

interface NumberRange { readonly min: number, readonly max: number, readonly integer?: boolean }

/** A finite number in the range, or the fallback when nothing was given. */
export function checkNumber<F extends number | undefined> (
  path: string, value: unknown, fallback: F, range: NumberRange
): number | F {
  const { min, max, integer = true } = range
  if (value === undefined) return fallback
  const isInRange = typeof value === 'number' && value >= min && value <= max
  if (!isInRange || (integer && !Number.isInteger(value))) {
    throw badOption(path, `must be ${integer ? 'an integer' : 'a number'} from ${min} to ${max}, got ${shown(value)}`)
  }
  return value
}

export function checkString<F extends string | undefined> (path: string, value: unknown, fallback: F): string | F {
  if (value === undefined) return fallback
  if (typeof value !== 'string') throw badOption(path, `must be a string, got ${shown(value)}`)
  return value
}

export function checkOneOf<T extends string> (path: string, value: unknown, allowed: readonly T[], fallback: T): T {
  if (value === undefined) return fallback
  if (!allowed.includes(value as T)) throw badOption(path, `must be one of ${allowed.join(', ')}, got ${shown(value)}`)
  return value as T
}

export function checkBoolean (path: string, value: unknown, fallback: boolean): boolean {
  if (value === undefined) return fallback
  if (typeof value !== 'boolean') throw badOption(path, `must be true or false, got ${shown(value)}`)
  return value
}

export function checkFunction<T> (path: string, value: T | undefined): T | undefined {
  if (value !== undefined && typeof value !== 'function') {
    throw badOption(path, `must be a function, got ${shown(value)}`)
  }
  return value
}

export function checkStrings (path: string, value: unknown): readonly string[] {
  if (value === undefined) return []
  if (!Array.isArray(value)) throw badOption(path, `must be an array of strings, got ${shown(value)}`)
  value.forEach((entry, i) => {
    if (typeof entry !== 'string' || entry === '') {
      throw badOption(`${path}[${i}]`, `must be a non-empty string, got ${shown(entry)}`)
    }
  })
  return value
}

/** A value in an error message: short, and never more than its type where it may be a secret or a whole object. */
export function shown (value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value.length > 60 ? `${value.slice(0, 60)}…` : value)
  if (typeof value === 'object' && value !== null) return Array.isArray(value) ? 'an array' : 'an object'
  return typeof value === 'function' ? 'a function' : String(value)
}
