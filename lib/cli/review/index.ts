import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import type { ClientIpOptions, PolicyTable, Provider } from '../../../types/contract.ts'
import { createClientIpResolver } from '../../client-ip/index.ts'
import { createIpRisk } from '../../frameworks/node.ts'
import { type Command, command, EXIT, UsageError } from '../command.ts'
import type { Io } from '../io.ts'
import { chosenProvider, DEFAULT_TIMEOUT_MS, providerOptions, stderrLog } from '../provider.ts'
import { jsonOf } from '../settings.ts'
import { type Checkpoint, checkpointPath, readCheckpoint, whileLocked } from './checkpoint.ts'
import { type InputFile, inputFile } from './input.ts'
import { formatNames } from './record.ts'
import { routeRules } from './routes.ts'
import { review as runReview } from './run.ts'

export const review: Command = command({
  usage: '[FILE…] [options]',
  about: 'Judges the addresses of whole files, or of standard input: text, CSV, NDJSON, and access logs of nginx, ' +
    'Apache, Caddy and Fastify, packed with gzip or not. Every row comes out again, in order, with verdict, score, ' +
    'categories, asn, org, country, provider and decision.',
  options: {
    output: { value: 'FILE', help: 'where rows go; default standard output' },
    to: { value: 'FORMAT', oneOf: ['csv', 'ndjson'], help: 'csv or ndjson; default as the input' },
    report: { value: 'FILE', help: 'also an HTML page with charts and a table' },
    resume: { help: 'go on where an interrupted review stopped' },
    force: { help: 'begin again, and replace the output' },
    format: { value: 'NAME', oneOf: formatNames, help: `${formatNames.join(', ')}; default: found` },
    column: { value: 'NAME', help: 'column or member with the address; default: found' },
    'client-ip': { value: 'JSON', help: 'logs: the plugin\'s clientIp option, or a file with it' },
    action: { value: 'NAME', help: 'the action that all rows are judged as' },
    'action-column': { value: 'NAME', help: 'column or member with the action' },
    route: { value: 'RULE', many: true, help: 'logs: "POST /signup=signup"; may be repeated' },
    policy: { value: 'FILE', help: 'JSON with the plugin\'s policy option' },
    retries: { value: 'N', integer: [0, 10], help: 'further rounds for failed lookups; default 3' },
    ...providerOptions
  },
  notes: 'When the quota is spent, the review waits. Ctrl-C loses nothing where --output is given. ' +
    'Exit code 1: interrupted, or a lookup failed.',
  async run ({ values, positionals }, io) {
    if (positionals.length === 0 && io.stdin.isTTY === true) {
      throw new UsageError('review needs a file, or input on standard input')
    }
    const paths = positionals.length === 0 ? ['-'] : positionals
    if (values.resume && (values.output === undefined || paths.includes('-'))) {
      throw new UsageError('--resume needs --output and files: standard input cannot be read again')
    }
    const { output, report, redis, policy, 'timeout-ms': timeoutMs = DEFAULT_TIMEOUT_MS } = values
    checkPaths(paths, output, report)
    const rules = routeRules(values.action, values.route)
    const clientIp = values['client-ip'] === undefined
      ? undefined
      : await jsonOf('--client-ip', values['client-ip']) as ClientIpOptions
    const inputs = await Promise.all(paths.map(inputFile))
    const fingerprint = fingerprintOf(inputs, { ...values, resume: false, force: false, 'timeout-ms': 0, retries: 0 })
    return await whileLocked(output, async () => {
      const from = output === undefined ? null : await checkpointOf(output, values, fingerprint, io)
      if (from === 'complete') return EXIT.ok
      const provider = chosenProvider(values, io)
      const ipRisk = createIpRisk({
        provider,
        timeoutMs,
        logAddress: 'full',
        log: stderrLog(io),
        ...redis !== undefined && { redis },
        ...policy !== undefined && { policy: await jsonOf('--policy', policy) as PolicyTable }
      })
      try {
        await ipRisk.ready()
        const resolver = clientIp === undefined ? undefined : createClientIpResolver(clientIp)
        const isFull = (): boolean => Object.values(ipRisk.stats().providers).some(({ minuteLeft }) => minuteLeft === 0)
        const { format, column, 'action-column': actionColumn, to, retries = 3 } = values
        return await runReview({
          inputs,
          rules,
          fingerprint,
          from,
          retries,
          choice: { format, column, actionColumn, resolve: resolver },
          to: to ?? (output === undefined ? undefined : formatOf(output)),
          output: output ?? null,
          report: report ?? null,
          provider: provider.name
        }, { ipRisk, isFull, io, signal: io.interrupted(), now: Date.now, sleep, ...batchOf(provider) })
      } finally {
        await ipRisk.close()
      }
    })
  }
})

const sleep = (ms: number, signal: AbortSignal): Promise<void> => delay(ms, undefined, { signal })

/**
 * A provider with a bulk call gets many addresses at once, and its verdicts are kept, since each costs a part of a
 * call.
 * An embedded one answers faster than old verdicts are found.
 */
function batchOf ({ bulk, sync }: Provider): { readonly batchRecords: number, readonly keptVerdicts: number } {
  if (sync === true) return { batchRecords: 250, keptVerdicts: 4_000 }
  return { batchRecords: bulk === undefined ? 1_000 : 20_000, keptVerdicts: 50_000 }
}

function checkPaths (paths: readonly string[], output: string | undefined, report: string | undefined): void {
  const named = [...paths, output, report].filter(path => path !== undefined && path !== '-')
  const files = named.map(path => resolve(path!))
  if (new Set(files).size < files.length) throw new UsageError('inputs, --output and --report must be different files')
}

interface ResumeOptions { readonly resume: boolean, readonly force: boolean }

/** Where to go on; null: at the start. Nothing that was written before is lost without --force. */
async function checkpointOf (
  output: string, { resume, force }: ResumeOptions, fingerprint: string, io: Io
): Promise<Checkpoint | 'complete' | null> {
  const path = checkpointPath(output)
  const checkpoint = force ? null : await readCheckpoint(path)
  if (checkpoint === null) {
    if (force || !existsSync(output)) return null
    if (!resume) throw new UsageError(`${output} exists: use --force to replace it`)
    io.err(`ip-risk: ${output} is complete: there is nothing to resume`)
    return 'complete'
  }
  const again = 'or --force to begin again'
  if (!resume) throw new UsageError(`${output} is of an interrupted review: use --resume to go on, ${again}`)
  if (checkpoint.fingerprint !== fingerprint) {
    throw new UsageError(`${path} is of a review with other inputs or options: use the same ones, ${again}`)
  }
  return checkpoint
}

/** An input that only grew, as a log does, is the same one. */
function fingerprintOf (inputs: readonly InputFile[], values: object): string {
  if (inputs.length > 1 && inputs.some(({ path }) => path === null)) {
    throw new UsageError('"-" reads standard input, and cannot be combined with files')
  }
  const named = inputs.map(({ name, head }) => [name, head])
  return createHash('sha256').update(JSON.stringify([named, values])).digest('hex')
}

function formatOf (output: string): 'csv' | 'ndjson' | undefined {
  return /\.(?:ndjson|jsonl)$/i.test(output) ? 'ndjson' : /\.csv$/i.test(output) ? 'csv' : undefined
}
