import type { Io } from './io.ts'
import type { CommandArguments, OptionTable } from './options.ts'

export { UsageError } from './options.ts'

/** 0: done. 1: something failed: a provider, a file, a list. 2: the command line is wrong. */
export const EXIT = { ok: 0, failure: 1, usage: 2 } as const
export type ExitCode = typeof EXIT[keyof typeof EXIT]

/** What a command declares; `command()` makes a `Command` of it. */
interface CommandSpec<T extends OptionTable> {
  /** What follows `ip-risk <name>` in the first line of the help. */
  readonly usage: string
  /** One to three sentences. */
  readonly about: string
  /** First words that the command takes, with their descriptions. */
  readonly actions?: Readonly<Record<string, string>>
  readonly options: T
  /** Below the options: environment variables, exit codes, examples. */
  readonly notes?: string
  /** Throws `UsageError` where the command line is wrong. */
  run (args: CommandArguments<T>, io: Io): Promise<ExitCode>
}

/** A command whose options have been checked against its own table. */
export type Command = CommandSpec<OptionTable>

/** Types `run` by the table of options beside it. */
export function command<const T extends OptionTable> (spec: CommandSpec<T>): Command {
  return spec as unknown as Command
}

interface CommandEntry {
  /** One line in `ip-risk --help`, at most 60 characters. */
  readonly summary: string
  readonly load: () => Promise<Command>
}
export type CommandTable = Readonly<Record<string, CommandEntry>>
