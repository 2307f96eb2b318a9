import type { CommandTable } from './command.ts'

/**
 * Every command, in the order of the help. To add one:
 *
 * 1. write `lib/cli/<name>.ts` (or `lib/cli/<name>/index.ts` with its parts beside it) that exports `command({ … })`:
 *    the table of options gives the types of `run`, the help and the completion of the shell;
 * 2. add an entry here, with a dynamic import, so that no command waits for what another one needs;
 * 3. write results with `io.out` and everything for people with `io.err`, return `EXIT.ok` or `EXIT.failure`, and throw
 *    `UsageError` where the command line is wrong. `--json` is the name of the switch for JSON. Use `painter` and
 *    `alignedRows` of `output.ts`, and `io.interrupted()` where Ctrl-C must not lose anything;
 * 4. describe it in `docs/command-line.md`. `test/cli.test.ts` checks that its help fits a screen.
 */
export const commands: CommandTable = {
  check: {
    summary: 'what is known of addresses, one line each',
    load: async () => (await import('./check.ts')).check
  },
  review: {
    summary: 'verdicts for whole files and access logs, with a report',
    load: async () => (await import('./review/index.ts')).review
  },
  serve: {
    summary: 'verdicts over HTTP in the shape of IPLogs, for any language',
    load: async () => (await import('./serve/index.ts')).serve
  },
  report: {
    summary: 'what enforcing would have stopped, from decision records',
    load: async () => (await import('./report.ts')).report
  },
  simulate: {
    summary: 'what another policy would change, from past decisions',
    load: async () => (await import('./simulate/index.ts')).simulate
  },
  policy: {
    summary: 'the decisions in effect, per action and verdict, with the rules',
    load: async () => (await import('./policy/index.ts')).policy
  },
  doctor: {
    summary: 'what is wrong with a setup: Redis, provider, data, proxies',
    load: async () => (await import('./doctor/index.ts')).doctor
  },
  allow: {
    summary: 'let addresses or networks pass for a while',
    load: async () => (await import('./exceptions/index.ts')).allow
  },
  deny: {
    summary: 'block addresses or networks for a while',
    load: async () => (await import('./exceptions/index.ts')).deny
  },
  revoke: {
    summary: 'end an allow or a deny',
    load: async () => (await import('./exceptions/index.ts')).revoke
  },
  invalidate: {
    summary: 'forget the verdict on addresses',
    load: async () => (await import('./exceptions/index.ts')).invalidate
  },
  allowed: {
    summary: 'list what allow and deny have in force',
    load: async () => (await import('./exceptions/index.ts')).allowed
  },
  lists: {
    summary: 'fetch, compile and describe the lists of the embedded provider',
    load: async () => (await import('./lists/index.ts')).lists
  },
  completion: {
    summary: 'a completion script for bash, zsh or fish',
    load: async () => (await import('./completion.ts')).completionOf(commands)
  }
}
