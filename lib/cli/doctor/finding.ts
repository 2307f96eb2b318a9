import { TooLate, within } from '../../util/index.ts'

/** What a check looks at, in the order of the output. */
export const checkNames = ['node', 'package', 'options', 'app', 'redis', 'provider', 'proxies'] as const
type CheckName = typeof checkNames[number]

export interface Finding {
  readonly check: CheckName
  /** `skipped`: there was nothing to check, or it was not asked for. `warning` and `error` fail a CI job. */
  readonly level: 'ok' | 'skipped' | 'warning' | 'error'
  /** One sentence. */
  readonly message: string
  /** What to do about it. */
  readonly fix?: string
}

type Report = (level: Finding['level'], message: string, fix?: string) => Finding

export function reporter (check: CheckName): Report {
  return (level, message, fix) => ({ check, level, message, ...fix !== undefined && { fix } })
}

/** Runs a check, within this time. What it throws is a finding of its own. */
export async function checked (check: CheckName, ms: number, run: () => Promise<Finding[]>): Promise<Finding[]> {
  const report = reporter(check)
  try {
    return await within(ms, run())
  } catch (error) {
    return [error instanceof TooLate
      ? report('error', `the check did not end within ${ms} ms`, 'see whether the service answers at all, or give ' +
        'more time with --timeout-ms')
      : report('error', messageOf(error))]
  }
}

export function messageOf (error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).replace(/^fastify-ip-risk: /, '')
}
