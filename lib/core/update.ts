import { type Channel, channel } from 'node:diagnostics_channel'
import type { IpRiskLogger, ScopeChanges, UpdateNote, UpdateRecord } from '../../types/contract.ts'
import { badOption } from '../errors.ts'
import { type PluginScope, readPluginScope } from '../options/index.ts'
import { MAX_NOTE_LENGTH } from '../policy/index.ts'
import { checkObject, checkString } from '../util/index.ts'

const updateChannel: Channel = channel('fastify-ip-risk:update')
const names = ['mode', 'policy', 'allow', 'deny'] as const

/** Frozen with all that is in it, so that no subscriber changes what another one gets. */
function deeplyFrozen (value: object): unknown {
  return JSON.parse(JSON.stringify(value), (_name, part: unknown) => Object.freeze(part))
}

/** Throws an `IpRiskError` that names the text. */
export function checkNote (path: string, note: UpdateNote): void {
  for (const [name, text] of Object.entries(note)) {
    const checked = checkString(`${path}.${name}`, text, undefined)
    if (checked !== undefined && checked.length > MAX_NOTE_LENGTH) {
      throw badOption(`${path}.${name}`, `must have at most ${MAX_NOTE_LENGTH} characters`)
    }
  }
}

/**
 * Changes a scope in place, for the requests that come from now on, and publishes who did it and why. Throws an
 * `IpRiskError` that names what is wrong; then nothing has changed.
 */
export function updateScope (
  scope: PluginScope, given: ScopeChanges, note: UpdateNote | undefined, log: IpRiskLogger, nowMs: number
): UpdateRecord {
  const changes = checkObject<ScopeChanges>('update', given, names)
  const { reason, author } = checkObject<UpdateNote>('update note', note, ['reason', 'author'])
  checkNote('update note', { reason, author })
  const changed = names.filter(name => changes[name] !== undefined)
  if (changed.length === 0) throw badOption('update', `changes nothing: give at least one of ${names.join(', ')}`)
  const { mode, enforceShare, policy, lists } = readPluginScope(changes, scope)
  const record: UpdateRecord = Object.freeze({
    at: new Date(nowMs).toISOString(),
    author: author ?? null,
    reason: reason ?? null,
    changes: deeplyFrozen(Object.fromEntries(changed.map(name => {
      const value = changes[name]
      return [name, typeof value === 'function' ? 'function' : value]
    }))) as UpdateRecord['changes']
  })
  const revision = scope.revision + 1
  Object.assign(scope, { mode, enforceShare, policy, lists, revision } satisfies Partial<PluginScope>)
  log.info({ ipRiskUpdate: record }, `ip-risk updated: ${changed.join(', ')}`)
  if (updateChannel.hasSubscribers) updateChannel.publish(record)
  return record
}
