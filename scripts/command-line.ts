import { readFileSync } from 'node:fs'
import { parseArgs, type ParseArgsConfig } from 'node:util'

type Options = NonNullable<ParseArgsConfig['options']>
type Values<O extends Options> = ReturnType<typeof parseArgs<{ options: O }>>['values']

/** Ends the script with exit code 2. */
function refuse (message: string): never {
  console.error(`${message} (see --help)`)
  process.exit(2)
}

/**
 * The options that a script was started with. `--help` prints its first comment instead. An unknown option ends it: a script that
 * ignored one would run for minutes and prove something else.
 */
export function readOptions<const O extends Options> (script: string, options: O): Values<O> {
  let values: { readonly help?: unknown }
  try {
    values = parseArgs({ options: { ...options, help: { type: 'boolean', short: 'h' } } }).values
  } catch (error) {
    return refuse((error as Error).message)
  }
  if (values.help === true) {
    const [comment] = /^(\/\/.*\n)+/.exec(readFileSync(new URL(script), 'utf8'))!
    console.log(comment.replaceAll(/^\/\/ ?/mg, '').trimEnd())
    process.exit(0)
  }
  return values as Values<O>
}

/** The number that an option gives. Ends the script where that is none, or below the least: it would do nothing, and succeed. */
export function atLeast (option: string, least: number, text: string): number {
  const value = Number(text)
  return value >= least ? value : refuse(`--${option} must be a number of at least ${least}, got ${text}`)
}

/** As `atLeast`, for any number above 0. */
export function positive (option: string, text: string): number {
  const value = Number(text)
  return value > 0 ? value : refuse(`--${option} must be a positive number, got ${text}`)
}

/** As `atLeast`, for one of a few names. */
export function oneOf<Name extends string> (option: string, names: readonly Name[], text: string): Name {
  return names.find(name => name === text) ?? refuse(`--${option} must be ${names.join(' or ')}, got ${text}`)
}

/** As `atLeast`, for whole numbers; any, as of a seed, by default. */
export function whole (option: string, text: string, least = -Infinity): number {
  const value = Number(text)
  const bound = least === -Infinity ? '' : ` of at least ${least}`
  return Number.isSafeInteger(value) && value >= least && text.trim() !== ''
    ? value
    : refuse(`--${option} must be a whole number${bound}, got ${text}`)
}

/** Ends the script where an option lacks those without which it means something else. */
export function needs (option: string, others: Readonly<Record<string, unknown>>): void {
  const missing = Object.entries(others).filter(([, value]) => value === undefined).map(([name]) => `--${name}`)
  if (missing.length > 0) refuse(`--${option} needs ${missing.join(' and ')}, too`)
}
