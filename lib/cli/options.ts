import { parseArgs } from 'node:util'

/** A wrong command line: its message goes to standard error, and the exit code is 2. */
export class UsageError extends Error {}

/** An option of a command. Without `value` it is a switch. */
interface OptionSpec {
  /** Shown in the help; names the default. */
  readonly help: string
  /** Placeholder of its value in the help, for example `FILE`. */
  readonly value?: string
  /** The only values it takes. */
  readonly oneOf?: readonly string[]
  /** A whole number within these bounds, both included. */
  readonly integer?: readonly [min: number, max: number]
  /** May be given several times. */
  readonly many?: true
  /** Environment variable that holds the value when the option is not given. An empty variable counts as not set. */
  readonly env?: string
}
export type OptionTable = Readonly<Record<string, OptionSpec>>

type ValueOf<O extends OptionSpec> =
  O extends { readonly oneOf: readonly (infer V)[] } ? V
    : O extends { readonly integer: unknown } ? number
      : O extends { readonly value: string } ? string
        : boolean

/** Switches are false when not given, repeatable options an empty array, all others undefined. */
type OptionValues<T extends OptionTable> = {
  readonly [K in keyof T]: T[K] extends { readonly many: true } ? readonly ValueOf<T[K]>[]
    : T[K] extends { readonly value: string } ? ValueOf<T[K]> | undefined
      : boolean
}

export interface CommandArguments<T extends OptionTable> {
  readonly values: OptionValues<T>
  readonly positionals: readonly string[]
}

type Environment = Readonly<Record<string, string | undefined>>

/** Reads the arguments behind a command's name. Throws `UsageError`. */
export function readArguments (
  args: readonly string[], table: OptionTable, env: Environment
): CommandArguments<OptionTable> {
  const { values, positionals } = parse(args, table)
  const read = Object.entries(table).map(([name, spec]) => [name, valueOf(`--${name}`, spec, values[name], env)])
  return { values: Object.fromEntries(read), positionals }
}

function parse (args: readonly string[], table: OptionTable) {
  const options = Object.fromEntries(Object.entries(table).map(([name, { value, many }]) => [
    name, { type: value === undefined ? 'boolean' as const : 'string' as const, multiple: many === true }
  ]))
  try {
    return parseArgs({ args: [...args], options, allowPositionals: true, strict: true })
  } catch (error) {
    // Node's message goes on with hints about "--" that do not apply here.
    throw new UsageError((error as Error).message.replace(/\. (?:To specify|If you want)[\s\S]*$/, ''))
  }
}

type Parsed = string | boolean | readonly (string | boolean)[] | undefined

function valueOf (name: string, spec: OptionSpec, parsed: Parsed, env: Environment): unknown {
  if (spec.value === undefined) return parsed === true
  const fromEnv = spec.env === undefined ? undefined : env[spec.env] || undefined
  if (spec.many === true) {
    const texts = parsed ?? (fromEnv === undefined ? [] : [fromEnv])
    return (texts as readonly string[]).map(text => checked(name, spec, text))
  }
  if (parsed !== undefined) return checked(name, spec, parsed as string)
  return fromEnv === undefined ? undefined : checked(spec.env!, spec, fromEnv)
}

function checked (name: string, { oneOf, integer }: OptionSpec, text: string): string | number {
  if (oneOf !== undefined && !oneOf.includes(text)) {
    throw new UsageError(`${name} must be one of ${oneOf.join(', ')}, got "${text}"`)
  }
  if (integer === undefined) return text
  const [min, max] = integer
  if (!/^\d{1,15}$/.test(text) || Number(text) < min || Number(text) > max) {
    throw new UsageError(`${name} must be a whole number from ${min} to ${max}, got "${text}"`)
  }
  return Number(text)
}
