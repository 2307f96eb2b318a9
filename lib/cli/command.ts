import { parseArgs, type ParseArgsConfig } from 'node:util'

/** Where a command reads its environment and writes its lines. */
export interface Io {
  readonly env: Readonly<Record<string, string | undefined>>
  out (line: string): void
  err (line: string): void
}

/** Done; what was asked for failed; the command line is wrong. */
export const EXIT = { ok: 0, failure: 1, usage: 2 } as const
export type ExitCode = typeof EXIT[keyof typeof EXIT]

export interface Command {
  readonly help: string
  run (args: readonly string[], io: Io): Promise<ExitCode>
}

/** A wrong command line: the message goes to standard error, and the exit code is 2. */
export class UsageError extends Error {}

type Options = NonNullable<ParseArgsConfig['options']>
type Parsed<T extends Options> = ReturnType<typeof parseArgs<{ args: string[], options: T, allowPositionals: true, strict: true }>>

/** Positionals and options; an unknown option, or one without its value, is a `UsageError`. */
export function parsed<T extends Options> (args: readonly string[], options: T): Parsed<T> {
  try {
    return parseArgs({ args: [...args], options, allowPositionals: true, strict: true })
  } catch (error) {
    // Node's message goes on with hints about "--" that help nobody here.
    throw new UsageError((error as Error).message.replace(/\. (?:To specify|If you want)[\s\S]*$/, ''))
  }
}

export function positiveNumber (name: string, text: string | undefined, fallback: number): number {
  if (text === undefined) return fallback
  if (!/^\d{1,9}$/.test(text) || Number(text) < 1) throw new UsageError(`${name} must be a whole number from 1, got "${text}"`)
  return Number(text)
}
