import type {
  CacheOptions, DecisionRecord, EngineOptions, IpRiskLogger, LogAddress, LookupMode, Mode, ModeOption, OnDecision,
  Policy, RequestOptions
} from '../../types/contract.ts'
import { readCache } from '../cache/index.ts'
import { badOption } from '../errors.ts'
import { type FamiliaritySettings, readFamiliarity } from '../familiarity/index.ts'
import { showAddress, type ShowAddress } from '../ip/index.ts'
import {
  type AddressLists, basePolicy, type CompiledPolicy, compilePolicy, noLists, readLists, readStepUp,
  type StepUpSettings
} from '../policy/index.ts'
import {
  checkOneOf, checkStrings, failureState, func, int, isThenable, oneOf, readObject, real, shown, type Specification,
  unread
} from '../util/index.ts'
import { type CallOnRejected, type CallSkip, readOnRejected, readSkip } from './callbacks.ts'

/** `onDecision` as `publish` calls it. */
type CallOnDecision = (record: DecisionRecord, request: unknown, log: IpRiskLogger) => void

/** An `onDecision` that never throws or rejects. While it keeps failing, that is logged once. */
function withoutThrowing (onDecision: OnDecision<never>): CallOnDecision {
  const failing = failureState()
  const failed = (err: unknown, log: IpRiskLogger): void => {
    if (!failing.failed()) return
    log.error({ code: 'IP_RISK_ON_DECISION_FAILED', err }, 'the option "onDecision" threw or rejected, so ' +
      'decision records are lost: fix the function, or what it writes to. Logged again only after it has worked for ' +
      'a minute')
  }
  return (record, request, log) => {
    try {
      const result = onDecision(record, request as never)
      if (isThenable(result)) result.then(() => { failing.recovered() }, err => failed(err, log))
      else failing.recovered()
    } catch (err) {
      failed(err, log)
    }
  }
}

/** One of the options `logAddress` and `recordAddress`. */
interface AddressForm { readonly how: LogAddress, readonly show: ShowAddress }

/**
 * What one encapsulated scope of an application decides by: the options that do not touch how an address is found and
 * looked up.
 */
export interface PluginScope {
  /** Counts the changes by `update()`. What was derived from an earlier revision is outdated. */
  readonly revision: number
  readonly actions: ReadonlyMap<string, 'write' | 'read'>
  readonly policy: CompiledPolicy
  /** What a request meets that is not in the enforced share. */
  readonly mode: Mode
  /** Undefined: the mode holds for all. */
  readonly enforceShare: number | undefined
  readonly unmarked: LookupMode
  readonly timeoutMs: number
  readonly lists: AddressLists
  readonly keySecret: readonly string[] | undefined
  readonly hasRedis: boolean
  /** In log lines. */
  readonly logAddress: AddressForm
  /** In decision and lookup records. */
  readonly recordAddress: AddressForm
  readonly onDecision: CallOnDecision | undefined
  readonly stepUp: StepUpSettings<unknown> | undefined
  readonly skip: CallSkip | undefined
  readonly familiarity: FamiliaritySettings | undefined
  readonly onRejected: CallOnRejected | undefined
}

export const lookupModes: readonly LookupMode[] = ['wait', 'background', 'cache', 'skip']
const modes: readonly Mode[] = ['enforce', 'monitor']

/** What a `mode` option means, over that of the parent. */
export function readMode (
  path: string, given: ModeOption | undefined, parent: Pick<PluginScope, 'mode' | 'enforceShare'>,
  keySecret: readonly string[] | undefined
): Pick<PluginScope, 'mode' | 'enforceShare'> {
  if (given === undefined) return { mode: parent.mode, enforceShare: parent.enforceShare }
  if (typeof given !== 'object' || given === null) {
    return { mode: checkOneOf(path, given, modes, parent.mode), enforceShare: undefined }
  }
  const { enforceShare: share } = readObject(path, given, { enforceShare: real(0, 1, undefined) })
  if (share === undefined) throw badOption(`${path}.enforceShare`, 'is missing: give a number from 0 to 1')
  if (keySecret === undefined) {
    throw badOption(`${path}.enforceShare`, 'needs a secret, so that no visitor can compute on which side an address ' +
      'is: give "cache.keySecret" too')
  }
  return { mode: 'monitor', enforceShare: share }
}

/**
 * Throws where a rule would never apply: it needs the familiarity of a network and the option is missing, or it names
 * an action that no route can have.
 */
export function checkRulesApply (
  path: string, { table }: CompiledPolicy, { familiarity, actions }: Pick<PluginScope, 'familiarity' | 'actions'>
): void {
  for (const { name, familiarity: needed, action = [] } of table.rules) {
    const rule = name === undefined ? 'a rule' : `the rule "${name}"`
    if (needed !== undefined && familiarity === undefined) {
      throw badOption(`${path}.rules`, `has ${rule} on "familiarity", which never applies without the option ` +
        '"familiarity": give that option too, or leave the rule out')
    }
    const undeclared = [action].flat().find(one => !actions.has(one))
    if (undeclared !== undefined) {
      throw badOption(`${path}.rules`, `has ${rule} on the action ${shown(undeclared)}, which is not declared: use ` +
        `one of ${[...actions.keys()].join(', ')}, or declare it in the plugin option "actions" of this scope`)
    }
  }
}

const logAddresses: readonly LogAddress[] = ['full', 'truncated', 'hmac', 'none']

export interface PluginScopeOptions extends EngineOptions, RequestOptions<never> {}

const rootScope: PluginScope = {
  revision: 0,
  actions: new Map((['signup', 'payment', 'kyc', 'withdrawal', 'admin']).map(name => [name, 'write'])),
  policy: basePolicy,
  mode: 'enforce',
  enforceShare: undefined,
  unmarked: 'cache',
  timeoutMs: 5000,
  lists: noLists,
  keySecret: undefined,
  hasRedis: false,
  logAddress: { how: 'truncated', show: showAddress('truncated') },
  recordAddress: { how: 'truncated', show: showAddress('truncated') },
  onDecision: undefined,
  stepUp: undefined,
  skip: undefined,
  familiarity: undefined,
  onRejected: undefined
}

function specificationOver (parent: PluginScope) {
  return {
    provider: unread,
    redis: unread,
    clientIp: unread,
    cache: (_path, given) => given === undefined ? parent.keySecret : readCache(given as CacheOptions).keySecret,
    timeoutMs: int(1, 60_000, parent.timeoutMs),
    actions: (path, given) => readActions(path, given, parent.actions),
    policy: (_path, given) => compilePolicy(parent.policy, given as Policy | undefined),
    mode: (_path, given) => given as ModeOption | undefined,
    unmarked: oneOf(lookupModes, parent.unmarked),
    allow: (_path, given) => given as EngineOptions['allow'],
    deny: (_path, given) => given as EngineOptions['deny'],
    logAddress: oneOf(logAddresses, parent.logAddress.how),
    recordAddress: oneOf(logAddresses, parent.recordAddress.how),
    onDecision: func<OnDecision<never>>(),
    stepUp: readStepUp,
    skip: readSkip,
    onRejected: readOnRejected,
    familiarity: readFamiliarity
  } satisfies Specification<PluginScopeOptions>
}

/** The options named, over those of the parent scope. Throws an `IpRiskError` that names the option. */
export function readPluginScope (options: PluginScopeOptions, parent: PluginScope = rootScope): PluginScope {
  const given = readObject('options', options, specificationOver(parent))
  const { cache: keySecret, actions, policy, unmarked, timeoutMs } = given
  const { stepUp = parent.stepUp, familiarity = parent.familiarity } = given
  if (familiarity !== undefined && stepUp === undefined) {
    throw badOption('familiarity', 'needs the option "stepUp": only a satisfied step-up confirms a network')
  }
  checkRulesApply('policy', policy, { familiarity, actions })
  const hasRedis = given.redis !== undefined || parent.hasRedis
  if (familiarity !== undefined && hasRedis && keySecret === undefined) {
    throw badOption('familiarity', 'keeps HMACs in Redis, which need a secret: give "cache.keySecret" too')
  }
  return {
    revision: 0,
    hasRedis,
    keySecret,
    actions,
    policy,
    ...readMode('mode', given.mode, parent, keySecret),
    unmarked,
    timeoutMs,
    lists: readLists(given, parent.lists),
    logAddress: addressForm('logAddress', given.logAddress, keySecret),
    recordAddress: addressForm('recordAddress', given.recordAddress, keySecret),
    onDecision: given.onDecision === undefined ? parent.onDecision : withoutThrowing(given.onDecision),
    stepUp,
    familiarity,
    skip: given.skip ?? parent.skip,
    onRejected: given.onRejected ?? parent.onRejected
  }
}

const namesOfActions = { write: checkStrings, read: checkStrings }

function readActions (path: string, given: unknown, parent: PluginScope['actions']): PluginScope['actions'] {
  const { write, read } = readObject(path, given, namesOfActions)
  const actions = new Map(parent)
  for (const name of write) {
    if (actions.get(name) === 'read') {
      throw badOption(`${path}.write`, `names "${name}", which is a read in the scope above: leave it in one of ` +
        'the two')
    }
    actions.set(name, 'write')
  }
  for (const name of read) {
    if (actions.get(name) === 'write') {
      throw badOption(`${path}.read`, `names "${name}", which is a write already: leave it in one of the two`)
    }
    actions.set(name, 'read')
  }
  return actions
}

function addressForm (name: string, how: LogAddress, keySecret: readonly string[] | undefined): AddressForm {
  if (how === 'hmac' && keySecret === undefined) {
    throw badOption(name, 'is "hmac", which needs a secret: give "cache.keySecret" too')
  }
  return { how, show: showAddress(how, keySecret) }
}
