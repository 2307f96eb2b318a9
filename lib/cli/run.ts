import { IpRiskError } from '../errors.ts'
import { version } from '../util/index.ts'
import { EXIT, type ExitCode, UsageError } from './command.ts'
import { commands } from './commands.ts'
import { commandHelp, generalHelp } from './help.ts'
import { type Io, painter, plainText } from './io.ts'
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
