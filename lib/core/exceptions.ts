import { type Channel, channel } from 'node:diagnostics_channel'
import type { AddressException, ExceptionNote, ExceptionOptions, ExceptionRecord } from '../../types/exceptions.ts'
import { badOption } from '../errors.ts'
import type { PluginScope } from '../options/index.ts'
import { describe, MAX_ALLOW_MS, nameOf, readNetwork } from '../policy/index.ts'
import { checkNumber, checkObject, shown } from '../util/index.ts'
import type { Engine } from './engine.ts'
import { checkNote } from './update.ts'

const exceptionChannel: Channel = channel('fastify-ip-risk:exception')
const MAX_SECONDS = MAX_ALLOW_MS / 1000

type Network = ReturnType<typeof readNetwork>

/** `allow()` and `deny()` of the API. Rejects with an `IpRiskError` that names what is wrong; then nothing happened. */
export async function makeException (
  engine: Engine, scope: PluginScope, effect: AddressException['effect'], text: unknown, options?: ExceptionOptions
): Promise<AddressException> {
  const { ttlSeconds, reason, author } = checkObject<ExceptionOptions>(
    effect, options, ['ttlSeconds', 'reason', 'author'])
  const seconds = checkNumber(`${effect}.ttlSeconds`, ttlSeconds, MAX_SECONDS, { min: 1, max: MAX_SECONDS })
  checkNote(effect, { reason, author })
  const network = checkNetwork(text)
  const entry = { ...network, effect, reason: reason ?? null, author: author ?? null }
  const made = engine.except(entry, seconds)
  made.then(({ untilMs }) => publishException(engine, scope, network, { ...entry, verb: effect, untilMs }), () => {})
  const { issuedMs, untilMs } = await made
  return describe(entry, issuedMs, untilMs)
}

/** `revoke()` of the API. Whether this process knew of one. */
export async function revokeException (
  engine: Engine, scope: PluginScope, text: unknown, note?: ExceptionNote
): Promise<boolean> {
  const { reason = null, author = null } = checkObject<ExceptionNote>('revoke', note, ['reason', 'author'])
  checkNote('revoke', { reason: reason ?? undefined, author: author ?? undefined })
  const read = checkNetwork(text)
  const { network } = read
  const wasHeld = (['allow', 'deny'] as const).some(effect => engine.exceptions.isHeld(nameOf({ effect, network })))
  publishException(engine, scope, read, { verb: 'revoke', reason, author, untilMs: null })
  await engine.revoke(network)
  return wasHeld
}

function checkNetwork (text: unknown): Network {
  try {
    if (typeof text === 'string') return readNetwork(text)
  } catch (err) {
    throw badOption('ip', `must be an IP address or CIDR: ${(err as Error).message}`, err)
  }
  throw badOption('ip', `must be an IP address or CIDR, got ${shown(text)}`)
}

interface Done extends Pick<ExceptionRecord, 'verb' | 'reason' | 'author'> { readonly untilMs: number | null }

/** Who did what, and why: to the log and the channel. */
function publishException (
  { log, now }: Engine, { logAddress, recordAddress }: PluginScope, { network, cidr }: Network,
  { verb, reason, author, untilMs }: Done
): void {
  const recordAs = (show: (ip: string) => string | null): ExceptionRecord => Object.freeze({
    verb,
    network: cidr.prefix <= (cidr.family === 4 ? 24 : 48) ? network : show(network.split('/')[0]!),
    reason,
    author,
    until: untilMs === null ? null : new Date(untilMs).toISOString(),
    at: new Date(now()).toISOString()
  })
  log.info({ ipRiskException: recordAs(logAddress.show) }, `ip-risk exception: ${verb}`)
  if (exceptionChannel.hasSubscribers) exceptionChannel.publish(recordAs(recordAddress.show))
}
