import { IpRiskError } from '../errors.ts'
import { version } from '../util/index.ts'
import { type Command, type CommandTable, EXIT, type ExitCode, UsageError } from './command.ts'
import { commands } from './commands.ts'
import { alignedRows, type Io, painter, plainText } from './io.ts'
import { readArguments } from './options.ts'

/** The whole program. Never rejects: an error is a line on standard error and an exit code. */
export async function runCli (args: readonly string[], io: Io): Promise<ExitCode> {
  try {
    return await dispatch(args, io)
  } catch (error) {
    const wrongUsage = error instanceof UsageError ||
      (error instanceof IpRiskError && error.code === 'FST_IP_RISK_BAD_OPTION')
    const message = plainText((error as Error).message.replace(/^fastify-ip-risk: /, ''))
    io.err(`${painter(io.stderr, io.env)('red', 'ip-risk:')} ${message}`)
    return wrongUsage ? EXIT.usage : EXIT.failure
  }
}

async function dispatch ([name, ...rest]: readonly string[], io: Io): Promise<ExitCode> {
  if (name === undefined) {
    io.err(generalHelp(commands))
    return EXIT.usage
  }
  if (name === '--version' || name === '-v') {
    io.out(version)
    return EXIT.ok
  }
  if (asksForHelp([name]) || name === 'help') {
    io.out(rest[0] === undefined ? generalHelp(commands) : commandHelp(rest[0], await load(rest[0])))
    return EXIT.ok
  }
  const command = await load(name)
  if (asksForHelp(rest)) {
    io.out(commandHelp(name, command))
    return EXIT.ok
  }
  return await command.run(readArguments(rest, command.options, io.env), io)
}

function asksForHelp (args: readonly string[]): boolean {
  const options = args.includes('--') ? args.slice(0, args.indexOf('--')) : args
  return options.includes('--help') || options.includes('-h')
}

async function load (name: string) {
  if (!Object.hasOwn(commands, name)) throw new UsageError(`there is no command "${name}": see ip-risk --help`)
  return await commands[name]!.load()
}

const HELP_COLUMNS = 80

export function generalHelp (commands: CommandTable): string {
  const rows = Object.entries(commands).map(([name, { summary }]) => [`  ${name}`, summary])
  return `Usage: ip-risk <command> [options]

${alignedRows(rows).join('\n')}

  ip-risk <command> --help    the options of a command
  ip-risk --version

Exit codes: 0 done, 1 something failed, 2 the command line is wrong.
With NO_COLOR set, or where the output is not a terminal, nothing is coloured.`
}

export function commandHelp (name: string, { usage, about, actions = {}, options, notes }: Command): string {
  const optionRows = Object.entries(options).map(([option, { value, help, env }]) => [
    `  --${option}${value === undefined ? '' : ` ${value}`}`, env === undefined ? help : `${help}; or ${env}`
  ] as const)
  return [
    `Usage: ip-risk ${name} ${usage}`.trimEnd(),
    wrapped(about, '', HELP_COLUMNS),
    describedRows(Object.entries(actions).map(([action, text]) => [`  ${action}`, text])),
    describedRows(optionRows),
    notes === undefined ? '' : wrapped(notes, '', HELP_COLUMNS)
  ].filter(part => part !== '').join('\n\n')
}

/** Names, and beside them their descriptions in a column of their own. */
function describedRows (rows: readonly (readonly [string, string])[]): string {
  const width = Math.max(0, ...rows.map(([name]) => name.length)) + 2
  const indent = ' '.repeat(width)
  return rows.map(([name, text]) => name.padEnd(width) + wrapped(text, indent, HELP_COLUMNS - width)).join('\n')
}

function wrapped (text: string, indent: string, columns: number): string {
  return text.split('\n').flatMap(line => wrappedLine(line, columns)).join(`\n${indent}`)
}

/** A line with leading space, such as an example, stays as it is. */
function wrappedLine (line: string, columns: number): string[] {
  if (line.startsWith(' ')) return [line]
  const lines: string[] = []
  let current = ''
  for (const word of line.split(' ')) {
    if (current !== '' && current.length + 1 + word.length > columns) {
      lines.push(current)
      current = word
    } else current = current === '' ? word : `${current} ${word}`
  }
  return [...lines, current]
}
