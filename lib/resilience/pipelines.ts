import type {
  CompositeStats, IpRiskLogger, Provider, ProviderAnswer, ProviderStats, UnknownAnswer
} from '../../types/contract.ts'
import { badOption } from '../errors.ts'
import {
  learntLimit, localQuota, type OfflineCause, quotaLimits, realWindows, redisQuota, type Windows
} from '../rate-limit/index.ts'
import type { ScriptRunner } from '../redis/index.ts'
import type { Observers } from '../util/index.ts'
import { answerNames, isComposite } from '../verdict/index.ts'
import { type CompositeDeps, createCompositePipeline, createSyncPipeline } from './composite.ts'
import type { AskOptions, BeginDeferred, Pipeline } from './layer.ts'
import { type Account, createPipeline } from './pipeline.ts'
import { dataStats } from './provider-stats.ts'
import { calendarLimits, moneyBudgets } from './budgets.ts'
import { retryAfter } from './retry-after.ts'
import { decidingProviders, leavesOf, quotaOf } from './roles.ts'

export interface PipelinesDeps {
  readonly log: IpRiskLogger
  /** For quotas and pauses that the fleet shares. Without it each process keeps its own. */
  readonly redis?: ScriptRunner | undefined
  /** Longest wait for one Redis command. Default 100. */
  readonly redisTimeoutMs?: number | undefined
  /** A clock in milliseconds that never goes back. Default `performance.now`. */
  readonly now?: (() => number) | undefined
  /**
   * Gets the answer of each deferred lookup. The cache may take it in place of an earlier answer of the same provider
   * (`answer.provider` names it); after an unknown one, the earlier answer stays. Without it there are no deferred
   * lookups.
   */
  readonly settled?: BeginDeferred | undefined
  /** Milliseconds since 1970, for calendar days and months. Default `Date.now`. */
  readonly wallNow?: (() => number) | undefined
  readonly observers?: Pick<Observers, 'providerCall' | 'providerBulk'> | undefined
  /** Lengths of the windows, for tests that cannot wait. */
  readonly windows?: Windows | undefined
}

export interface ProviderPipelines {
  /** Never throws or rejects. Not a promise when the provider is `sync`. */
  ask (ip: string, options: AskOptions): ProviderAnswer | Promise<ProviderAnswer>
  /** Why the circuit breaker of a provider that is no composite would refuse a call now, or null. */
  refusal (): UnknownAnswer | null
  /** Whether too many new addresses of the same /64 were looked up, so that some provider would not be called. */
  isCrowded (ip: string): boolean
  /** One row for each address, in any order; each address must be given once. Never throws. */
  bulk (ips: readonly string[], options: AskOptions): AsyncIterable<[string, ProviderAnswer]>
  /** By the name of each provider that is called: members of composites, not the composites. */
  stats (): Record<string, ProviderStats>
  /** By the name of each composite with a budget, an escalation or a shadow. */
  compositeStats (): Record<string, CompositeStats>
  /** Ends calls in flight with an answer, and makes no further ones. */
  abort (): void
  close (): Promise<void>
}

const offlineCauses: Readonly<Record<OfflineCause, string>> = {
  redis_unreachable: 'this process uses only its own share of the provider\'s limits, because Redis, which counts ' +
    'the calls of all processes, does not answer: check that it runs, and the option "redis"',
  redis_count_lost: 'this process uses only its own share of the provider\'s limits for a minute, because Redis was ' +
    'restarted or emptied and lost its count of calls: nothing to do, unless it happens often'
}

interface NamedAccount extends Account { readonly terms: string }

/** Without Redis a process keeps one account for a provider, in however many plugin scopes it is used. */
const ownAccounts = new WeakMap<Provider, NamedAccount>()

/** Makes the resilience pipeline of a provider, and of every member of a composite. */
export function createPipelines (root: Provider, deps: PipelinesDeps): ProviderPipelines {
  const { log, redis, now = () => performance.now(), windows = realWindows, wallNow = Date.now } = deps
  const timeoutMs = deps.redisTimeoutMs ?? 100
  const budgets = moneyBudgets(root, { wallNow, redis, timeoutMs })
  const pipelines = new Map<Provider, Pipeline>()
  const accounts = new Map<string, NamedAccount>()

  function pipelineOf (provider: Provider): Pipeline {
    const known = pipelines.get(provider)
    if (known !== undefined) return known
    const created = createNew(provider)
    pipelines.set(provider, created)
    return created
  }

  function createNew (provider: Provider): Pipeline {
    if (isComposite(provider)) return createCompositePipeline(provider, compositeDeps)
    if (provider.sync === true) return createSyncPipeline(provider, compositeDeps)
    const settled: BeginDeferred = ip => {
      const settle = deps.settled!(ip)
      return answer => settle(answer.verdict === 'unknown' ? answer : { provider: provider.name, ...answer })
    }
    return createPipeline(provider, {
      log,
      now,
      windowMs: windows.minuteMs + windows.slackMs,
      account: accountOf(provider),
      charges: budgets.chargesOf(provider),
      observers: deps.observers,
      // An answer that a composite merged with others is not replaced.
      settled: deps.settled !== undefined && answerNames(root).includes(provider.name) ? settled : undefined
    })
  }

  const compositeDeps: CompositeDeps = {
    log,
    now,
    ask: (member, ip, options) => pipelineOf(member).ask(ip, options),
    askAll: (member, ips, options) => pipelineOf(member).askAll(ips, options)
  }

  /** Members with the same `quotaName` share a quota and its pauses. */
  function accountOf (provider: Provider): Account {
    const name = quotaOf(provider)
    const reserveForWrites = provider.reserveForWrites ?? 0.5
    const terms = JSON.stringify([provider.limits, reserveForWrites])
    const known = accounts.get(name) ?? (redis === undefined ? ownAccounts.get(provider) : undefined)
    if (known !== undefined) {
      if (known.terms !== terms) {
        throw badOption('provider', `has two members on the quota "${name}" with different limits: give them the same`)
      }
      accounts.set(name, known)
      return known
    }
    const limits = quotaLimits(provider.limits ?? {}, reserveForWrites, windows)
    const windowMs = windows.minuteMs + windows.slackMs
    const key = `ip-risk:quota:{${name}}`
    const pause = retryAfter({
      provider: name,
      now,
      log,
      windowMs,
      publish (reason, forMs) {
        learnt?.refused(reason, forMs)
        counted.hold(reason, forMs)
      }
    })
    const counted = redis === undefined
      ? localQuota(limits, now)
      : redisQuota({
        redis,
        key,
        limits,
        reserveForWrites,
        windows,
        timeoutMs,
        now,
        onHold (reason, forMs) {
          learnt?.refused(reason, forMs)
          pause.receive(reason, forMs)
        },
        onShare (cause) {
          if (limits.all.length === 0) return
          const fields = { provider: name }
          if (cause === null) {
            log.info({ code: 'IP_RISK_QUOTA_SHARED', ...fields }, 'the processes share one quota again')
          } else log.warn({ code: 'IP_RISK_QUOTA_OFFLINE_SHARE', ...fields, cause }, offlineCauses[cause])
        }
      })
    const learnt = limits.minute === null ? learntLimit(counted, { windowMs, reserveForWrites, now }) : undefined
    const calendar = calendarLimits(provider.limits ?? {}, {
      reserveForWrites,
      wallNow,
      redis: redis && { runner: redis, key, timeoutMs }
    })
    const account = { quota: calendar.around(learnt ?? counted), pause, reported: calendar.reported, terms }
    accounts.set(name, account)
    if (redis === undefined) ownAccounts.set(provider, account)
    return account
  }

  const deciding = decidingProviders(root)
  const leaves = leavesOf(root)
  const names = leaves.map(leaf => leaf.name)
  if (new Set(names).size < leaves.length) {
    throw badOption('provider',
      `has two members of one name among ${names.join(', ')}: their answers could not be told apart`)
  }
  for (const leaf of leaves) pipelineOf(leaf)
  const rootPipeline = pipelineOf(root)

  return {
    ask: rootPipeline.ask,
    refusal: () => rootPipeline.refusal?.() ?? null,
    isCrowded: ip => [...deciding].some(provider => pipelines.get(provider)?.isCrowded?.(ip) === true),
    bulk: rootPipeline.askAll,
    stats () {
      const called = [...pipelines].filter(([provider]) => !isComposite(provider))
      return Object.fromEntries(called.map(([provider, pipeline]) =>
        [provider.name, { ...pipeline.stats(), ...dataStats(provider, wallNow()) }]))
    },
    compositeStats: () => budgets.stats(provider => pipelineOf(provider).stats().cost ?? 0),
    abort () { for (const pipeline of pipelines.values()) pipeline.abort() },
    async close () {
      const parts = [...pipelines.values(), ...[...accounts.values()].map(({ quota }) => quota), budgets]
      const results = await Promise.allSettled(parts.map(part => part.close()))
      for (const result of results) if (result.status === 'rejected') throw result.reason
    }
  }
}
