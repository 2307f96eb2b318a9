import { openSync, writeSync } from 'node:fs'
import type { ExceptionNote, ExceptionRecord } from '../../../types/exceptions.ts'
import { canonicalAddress } from '../../ip/index.ts'
import { readNetwork } from '../../policy/index.ts'
import { type Command, command, EXIT, type ExitCode, UsageError } from '../command.ts'
import type { Io } from '../io.ts'
import { plainText } from '../output.ts'
import { secondsOf } from './duration.ts'
import { type FleetChoice, fleetOptions, withFleet } from './engine.ts'

type Verb = 'allow' | 'deny' | 'revoke' | 'invalidate'

const noteOptions = {
  ...fleetOptions,
  reason: { value: 'TEXT', help: 'why, for the audit line and the listing' },
  author: { value: 'NAME', help: 'who; default the user of the system', env: 'IP_RISK_AUTHOR' },
  audit: { value: 'FILE', help: 'append the audit line here; default standard error' },
  json: { help: 'one JSON object for each' }
} as const
const DEFAULT_TTL = '1d'
const notes = 'The audit line is one JSON object. Exit code 1: Redis does not answer or did not take it, or the ' +
  'audit ' +
  'file cannot be written; then nothing is changed.'

export const allow: Command = command({
  usage: 'ADDRESS|CIDR… --reason TEXT [options]',
  about: 'Lets addresses or networks pass for a while, in every process: a false positive that was cleared. It wins ' +
    'over the policy and over deny.',
  options: { ttl: { value: 'TIME', help: `for how long: 15m, 12h, 7d; default ${DEFAULT_TTL}` }, ...noteOptions },
  notes,
  run: async ({ values, positionals }, io) => await change('allow', positionals, values, io)
})

export const deny: Command = command({
  usage: 'ADDRESS|CIDR… --reason TEXT [options]',
  about: 'Blocks addresses or networks on marked routes for a while, in every process.',
  options: { ttl: { value: 'TIME', help: `for how long: 15m, 12h, 7d; default ${DEFAULT_TTL}` }, ...noteOptions },
  notes,
  run: async ({ values, positionals }, io) => await change('deny', positionals, values, io)
})

export const revoke: Command = command({
  usage: 'ADDRESS|CIDR… [options]',
  about: 'Ends what allow and deny said of exactly these addresses or networks, in every process.',
  options: noteOptions,
  notes,
  run: async ({ values, positionals }, io) => await change('revoke', positionals, values, io)
})

export const invalidate: Command = command({
  usage: 'ADDRESS… [options]',
  about: 'Forgets the verdict on addresses, in every process and in Redis, so that the next request asks the ' +
    'provider. ' +
    'It also ends an allow of them.',
  options: noteOptions,
  notes,
  run: async ({ values, positionals }, io) => await change('invalidate', positionals, values, io)
})

interface Choice extends FleetChoice, ExceptionNote {
  readonly ttl?: string | undefined
  readonly audit?: string | undefined
  readonly json: boolean
}

/** One line of the audit: what the plugin logs as `ipRiskException`, and `invalidate`. */
interface AuditRecord extends Omit<ExceptionRecord, 'verb'> { readonly verb: Verb }

const done = { allow: 'allowed', deny: 'denied', revoke: 'revoked', invalidate: 'invalidated' } as const

async function change (verb: Verb, texts: readonly string[], choice: Choice, io: Io): Promise<ExitCode> {
  if (texts.length === 0) throw new UsageError(`${verb} needs at least one address: ip-risk ${verb} 192.0.2.1`)
  const networks = texts.map(text => networkOf(verb, text))
  if (makes(verb) && choice.reason === undefined) {
    throw new UsageError(`${verb} needs --reason TEXT: the next person asks why`)
  }
  const ttlSeconds = secondsOf('--ttl', choice.ttl ?? DEFAULT_TTL)
  const { reason } = choice
  const author = choice.author ?? io.env['SUDO_USER'] ?? io.env['USER']
  const write = auditTo(choice.audit, io)
  await withFleet(choice, async ({ ipRisk, warnings }) => {
    for (const network of networks) {
      if (makes(verb)) await ipRisk[verb](network, { ttlSeconds, reason, author })
      else if (verb === 'revoke') await ipRisk.revoke(network, { reason, author })
      else await ipRisk.invalidate(network)
    }
    if (warnings.length > 0) throw new Error(warnings.join('; '))
  })
  // Read as a process that starts now would: what the one before knows by itself proves nothing.
  const inForce = await withFleet(choice, async ({ ipRisk }) => await ipRisk.exceptions())
  for (const network of networks) {
    const held = inForce.find(one => one.network === network && (!makes(verb) || one.effect === verb))
    const isDone = makes(verb) ? held !== undefined : verb === 'invalidate' || held === undefined
    if (!isDone) {
      throw new Error(`Redis did not take it: ${verb} ${network}. "ip-risk doctor --redis URL" says why`)
    }
    const until = makes(verb) ? held!.until : null
    const record: AuditRecord = {
      verb, network, reason: reason ?? null, author: author ?? null, until, at: new Date().toISOString()
    }
    write(JSON.stringify({ ipRiskException: record }))
    io.out(choice.json ? JSON.stringify(record) : `${done[verb]} ${network}${until === null ? '' : ` until ${until}`}`)
  }
  return EXIT.ok
}

function makes (verb: Verb): verb is 'allow' | 'deny' {
  return verb === 'allow' || verb === 'deny'
}

/** Canonical, as the listing has it. Throws `UsageError`. */
function networkOf (verb: Verb, text: string): string {
  const address = canonicalAddress(text)
  if (address !== null) return address
  if (verb === 'invalidate') {
    throw new UsageError(`${JSON.stringify(plainText(text))} is not an IP address: invalidate takes single addresses`)
  }
  try {
    return readNetwork(text).network
  } catch (error) {
    throw new UsageError(`${JSON.stringify(plainText(text))} is neither an IP address nor a CIDR: ` +
      (error as Error).message)
  }
}

/** Opens the file before anything is changed, so that nothing is changed without an audit line. */
function auditTo (path: string | undefined, io: Io): (line: string) => void {
  if (path === undefined) return io.err
  const file = openSync(path, 'a', 0o600)
  return line => { writeSync(file, `${line}\n`) }
}
