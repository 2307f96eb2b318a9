import { openSync, writeSync } from 'node:fs'
import { userInfo } from 'node:os'
import type { AddressException, ExceptionNote, ExceptionRecord } from '../../../types/exceptions.ts'
import { errorCodes, IpRiskError } from '../../errors.ts'
import { canonicalAddress, parseAddress, rangeMap } from '../../ip/index.ts'
import { readNetwork } from '../../policy/index.ts'
import { command, type Command, EXIT, type ExitCode, UsageError } from '../command.ts'
import { alignedRows, type Io, plainText } from '../io.ts'
import { type FleetChoice, fleetOptions, networkIn, secondsOf, withFleet } from './fleet.ts'

type Verb = 'allow' | 'deny' | 'revoke' | 'invalidate'

const noteOptions = {
  ...fleetOptions,
  reason: { value: 'TEXT', help: 'why, for the audit line and the listing' },
  author: { value: 'NAME', help: 'who; default the user of the system', env: 'IP_RISK_AUTHOR' },
  audit: { value: 'FILE', help: 'append the audit line here; default standard error' },
  json: { help: 'one JSON object for each' }
} as const
const DEFAULT_TTL = '1d'
const notes = 'The audit line is one JSON object, for each change that Redis has. Exit code 1: Redis does not ' +
  'answer, did not take all of them, or holds what is not signed by this secret; or the audit file cannot ' +
  'be opened, and then nothing is changed.'
/** Wider ones are a slip, such as 203.0.113.9/0, and would let everybody pass or nobody. */
const MIN_PREFIX = { 4: 8, 6: 16 } as const

const timedOptions = {
  ttl: { value: 'TIME', help: `for how long: 15m, 12h, 7d; default ${DEFAULT_TTL}` }, ...noteOptions
} as const

function changing (verb: Verb, about: string, subject = 'ADDRESS|CIDR…'): Command {
  return command({
    usage: `${subject} ${makes(verb) ? '--reason TEXT ' : ''}[options]`,
    about,
    // Without the option, `ttl` is undefined, as where it was not given.
    options: (makes(verb) ? timedOptions : noteOptions) as typeof timedOptions,
    notes,
    run: async ({ values, positionals }, io) => await change(verb, positionals, values, io)
  })
}

export const allow: Command = changing('allow', 'Lets addresses or networks pass for a while, in every process: a ' +
  'false positive that was cleared. It wins over the policy and over deny.')

export const deny: Command = changing('deny', 'Blocks addresses or networks on marked routes for a while, in every ' +
  'process.')

export const revoke: Command = changing('revoke', 'Ends the allow or deny of exactly these addresses or networks, in ' +
  'every process.')

export const invalidate: Command = changing('invalidate', 'Forgets the verdict on addresses, in every process and in ' +
  'Redis, so that the next request asks the provider. It also ends an allow of them.', 'ADDRESS…')

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
  if (makes(verb) && (choice.reason ?? '').trim() === '') {
    throw new UsageError(`${verb} needs --reason TEXT: the next person asks why`)
  }
  const ttlSeconds = secondsOf('--ttl', choice.ttl ?? DEFAULT_TTL)
  const { reason } = choice
  const author = choice.author ?? io.env['SUDO_USER'] ?? io.env['USER'] ?? systemUser()
  const write = auditTo(choice.audit, io)
  const { problems, failures, inForce } = await withFleet(choice, async ({ ipRisk, warnings }) => {
    const problems: string[] = []
    /** What cannot be read back, and was not taken: a state is logged once, so all that follows counts, too. */
    const failures = new Set<string>()
    const warnedBefore = warnings.length
    for (const network of networks) {
      try {
        if (makes(verb)) await ipRisk[verb](network, { ttlSeconds, reason, author })
        else if (verb === 'revoke') await ipRisk.revoke(network, { reason, author })
        else await ipRisk.invalidate(network)
        if (warnings.length > warnedBefore) failures.add(network)
      } catch (error) {
        if (error instanceof IpRiskError && error.code === errorCodes.badOption) throw error
        failures.add(network)
        problems.push(`${verb} ${network} failed: ${(error as Error).message}`)
      }
    }
    // Read as a process that starts now would: what this one knows by itself proves nothing.
    const inForce = await withFleet(choice, async fleet => {
      const found = await fleet.ipRisk.exceptions()
      problems.push(...fleet.warnings)
      return found
    }).catch(() => {
      throw new Error('what was asked for may be in force, and cannot be read back: see "ip-risk allowed"')
    })
    problems.push(...warnings)
    return { problems, failures, inForce }
  })
  for (const network of networks) {
    const held = inForce.find(one => one.network === network && (!makes(verb) || one.effect === verb))
    const isGone = verb === 'invalidate' ? !failures.has(network) : held === undefined
    const isDone = makes(verb) ? held !== undefined : isGone
    if (!isDone) {
      problems.push(`Redis did not take it: ${verb} ${network}. "ip-risk doctor --redis URL" says why`)
      continue
    }
    const until = makes(verb) ? held!.until : null
    const record: AuditRecord = {
      verb, network, reason: reason ?? null, author: author ?? null, until, at: new Date().toISOString()
    }
    write(JSON.stringify({ ipRiskException: record }))
    io.out(choice.json ? JSON.stringify(record) : `${done[verb]} ${network}${until === null ? '' : ` until ${until}`}`)
  }
  for (const problem of new Set(problems)) io.err(`ip-risk: ${plainText(problem)}`)
  return problems.length > 0 ? EXIT.failure : EXIT.ok
}

function systemUser (): string | undefined {
  try {
    return userInfo().username
  } catch {
    return undefined // a container may have no name for its user
  }
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
  const { network, cidr: { family, prefix } } = networkIn(text)
  if (makes(verb) && prefix < MIN_PREFIX[family]) {
    throw new UsageError(`${network} is wider than /${MIN_PREFIX[family]}, and would be about too many visitors`)
  }
  return network
}

/** Opens the file before anything is changed, so that nothing is changed without an audit line. */
function auditTo (path: string | undefined, io: Io): (line: string) => void {
  if (path === undefined) return io.err
  const file = openSync(path, 'a', 0o600)
  return line => { writeSync(file, `${line}\n`) }
}

export const allowed: Command = command({
  usage: '[ADDRESS|CIDR…] [options]',
  about: 'Lists what allow and deny have in force, the oldest first, with reason and author. With addresses or ' +
    'networks, only what is about them or about a network around them.',
  options: { ...fleetOptions, json: { help: 'one JSON object for each' } },
  notes: 'The options allow and deny of the application are not in it.\nExit code 1: Redis does not answer, or what ' +
    'is stored there is not signed by the secret that was given.',
  async run ({ values, positionals }, io) {
    const wanted = positionals.map(readWanted)
    const { listed, warnings } = await withFleet(values, async ({ ipRisk, warnings }) => (
      { listed: await ipRisk.exceptions(), warnings }))
    const found = wanted.length === 0 ? listed : listed.filter(one => wanted.some(isAbout => isAbout(one)))
    if (values.json) for (const one of found) io.out(JSON.stringify(one))
    else if (found.length > 0) {
      const rows = found.map(({ effect, network, until, author, reason }) => (
        [effect, network, `until ${until.slice(0, 16).replace('T', ' ')} UTC`, author ?? '', reason ?? '']))
      for (const line of alignedRows(rows, [{}, {}, {}, { max: 30 }, { max: 80 }])) io.out(line)
    } else io.err('ip-risk: nothing is in force')
    for (const warning of warnings) io.err(`ip-risk: ${warning}`)
    return warnings.length > 0 ? EXIT.failure : EXIT.ok
  }
})

/** Whether an exception is about the address or network, or about one around it. */
function readWanted (text: string): (one: AddressException) => boolean {
  const wanted = networkIn(text)
  return ({ network }) => {
    const { cidr } = readNetwork(network)
    if (cidr.family !== wanted.cidr.family || cidr.prefix > wanted.cidr.prefix) return false
    const around = rangeMap([{ cidr, value: 1 }], 0, (_outer, inner) => inner)
    return around.at(parseAddress(wanted.network.split('/')[0]!) as 4 | 6) === 1
  }
}
