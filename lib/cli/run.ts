import { IpRiskError } from '../errors.ts'
import { version } from '../util/index.ts'
import { type Command, EXIT, type ExitCode, type Io, UsageError } from './command.ts'

/** Loaded when asked for: one command does not wait for what another needs. */
const commands: Readonly<Record<string, () => Promise<Command>>> = {
  check: async () => (await import('./check.ts')).check,
  lists: async () => (await import('./lists.ts')).lists
}

const HELP = `Usage: ip-risk <command> [options]

  ip-risk check IP…                  what is known of addresses, one line each
  ip-risk lists pull|compile|info    the data of the embedded provider
  ip-risk <command> --help           the options of a command
  ip-risk --version

Exit codes: 0 done, 1 something failed, 2 the command line is wrong.`

/** The whole program. Never rejects: what goes wrong stands in `io.err` and in the exit code. */
export async function runCli (args: readonly string[], io: Io): Promise<ExitCode> {
  const [name, ...rest] = args
  try {
    if (name === undefined || name === '--help' || name === '-h' || name === 'help') {
      io[name === undefined ? 'err' : 'out'](HELP)
      return name === undefined ? EXIT.usage : EXIT.ok
    }
    if (name === '--version' || name === '-v') {
      io.out(version)
      return EXIT.ok
    }
    if (!Object.hasOwn(commands, name)) throw new UsageError(`there is no command "${name}": see ip-risk --help`)
    const command = await commands[name]!()
    if (rest.includes('--help') || rest.includes('-h')) {
      io.out(command.help)
      return EXIT.ok
    }
    return await command.run(rest, io)
  } catch (error) {
    const wrongUsage = error instanceof UsageError || (error instanceof IpRiskError && error.code === 'FST_IP_RISK_BAD_OPTION')
    io.err(`ip-risk: ${(error as Error).message.replace(/^fastify-ip-risk: /, '')}`)
    return wrongUsage ? EXIT.usage : EXIT.failure
  }
}
