import type { IpRiskLogger, Provider, ProviderAnswer, ProviderStats } from '../../types/contract.ts'
import { badOption } from '../errors.ts'
import {
  learntLimit, localQuota, type OfflineCause, quotaLimits, realWindows, redisQuota, type Windows
} from '../rate-limit/index.ts'
import type { ScriptRunner } from '../redis/index.ts'
import { createCompositePipeline, createSyncPipeline } from './composite.ts'
import type { AskOptions, Pipeline } from './layer.ts'
import { type Budget, createPipeline, type PipelineDeps } from './pipeline.ts'
import { retryAfter } from './retry-after.ts'

export interface PipelinesDeps {
  readonly log: IpRiskLogger
  /** For budgets and pauses that the fleet shares. Without it each process keeps its own. */
  readonly redis?: ScriptRunner | undefined
  /** Before `ip-risk:quota:…`. Default `''`. */
  readonly keyPrefix?: string | undefined
  /** Longest wait for one Redis command. Default 100. */
  readonly redisTimeoutMs?: number | undefined
  /** A clock in milliseconds that never goes back. Default `performance.now`. */
  readonly now?: (() => number) | undefined
  /**
   * A provider was asked again, in the background, and this is what it says now: the cache may take it in place of an answer of the same
   * provider (`answer.provider` names it). Unknown: the first answer stays. Without this nobody is asked again.
   */
  readonly settled?: ((ip: string, answer: ProviderAnswer) => void) | undefined
  /** Lengths of the windows, for tests that cannot wait. */
  readonly windows?: Windows | undefined
}

export interface ProviderPipelines {
  /** Every name that an answer may come under; a cache entry under another name is not ours. */
  readonly names: readonly string[]
  /** Never throws or rejects. No promise when the provider is `sync`. */
  ask (ip: string, options: AskOptions): ProviderAnswer | Promise<ProviderAnswer>
  /** Whether an address is one of too many cold ones from its /64, so that some provider would not be asked about it. */
  isCrowded (ip: string): boolean
  /** One row for each address, in any order; each address must be given once. Never throws. */
  bulk (ips: readonly string[], options: AskOptions): AsyncIterable<[string, ProviderAnswer]>
  /** By the name of each provider that is asked, the members of combinations. */
  stats (): Record<string, ProviderStats>
  /** Ends calls in flight with an answer, and makes none any more. */
  abort (): void
  close (): Promise<void>
}

const offlineCauses: Readonly<Record<OfflineCause, string>> = {
  redis_unreachable: 'this process uses only its own share of the provider\'s limits, because Redis, which counts the ' +
    'calls of all processes, does not answer: check that it runs, and the option "redis"',
  redis_count_lost: 'this process uses only its own share of the provider\'s limits for a minute, because Redis was ' +
    'restarted or emptied and lost its count of calls: nothing to do, unless it happens often'
}

interface NamedBudget extends Budget { readonly terms: string }

/** Without Redis a process keeps one budget for a provider, however many scopes of it ask. */
const ownBudgets = new WeakMap<Provider, NamedBudget>()

/** Puts a provider, and every member of a combination for itself, behind its guards. */
export function createPipelines (root: Provider, deps: PipelinesDeps): ProviderPipelines {
  const { log, redis, now = () => performance.now(), windows = realWindows } = deps
  const guards = new Map<Provider, Pipeline>()
  const budgets = new Map<string, NamedBudget>()

  function guardOf (provider: Provider): Pipeline {
    const known = guards.get(provider)
    if (known !== undefined) return known
    const guarded = guardNew(provider)
    guards.set(provider, guarded)
    return guarded
  }

  function guardNew (provider: Provider): Pipeline {
    if (provider.members !== undefined) return createCompositePipeline(provider, shared)
    if (provider.sync === true) return createSyncPipeline(provider, shared)
    const settled = (ip: string, answer: ProviderAnswer): void =>
      deps.settled?.(ip, answer.verdict === 'unknown' ? answer : { ...answer, provider: answer.provider ?? provider.name })
    return createPipeline(provider, {
      ...shared,
      windowMs: windows.minuteMs + windows.slackMs,
      budget: budgetOf(provider),
      // What a composite merges into an answer of its own is not replaced.
      settled: deps.settled !== undefined && (root.names ?? [root.name]).includes(provider.name) ? settled : undefined
    })
  }

  const shared: Omit<PipelineDeps, 'windowMs' | 'budget' | 'settled'> = {
    log,
    now,
    ask: (member, ip, options) => guardOf(member).ask(ip, options),
    askAll: (member, ips, options) => guardOf(member).askAll(ips, options)
  }

  /** Members of one account (`quotaName`) share its budget and its pauses. */
  function budgetOf (provider: Provider): Budget {
    const name = provider.quotaName ?? provider.name
    const reserveForWrites = provider.reserveForWrites ?? 0.5
    const terms = JSON.stringify([provider.limits, reserveForWrites])
    const known = budgets.get(name) ?? (redis === undefined ? ownBudgets.get(provider) : undefined)
    if (known !== undefined) {
      if (known.terms !== terms) throw badOption('provider', `has two members on the budget "${name}" with different limits: give them the same`)
      budgets.set(name, known)
      return known
    }
    const limits = quotaLimits(provider.limits ?? {}, reserveForWrites, windows)
    const windowMs = windows.minuteMs + windows.slackMs
    const pause = retryAfter({
      provider: name,
      now,
      log,
      windowMs,
      tell (reason, forMs) {
        learnt?.refused(reason, forMs)
        counted.hold(reason, forMs)
      }
    })
    const counted = redis === undefined
      ? localQuota(limits, now)
      : redisQuota({
        redis,
        key: `${deps.keyPrefix ?? ''}ip-risk:quota:{${name}}`,
        limits,
        reserveForWrites,
        windows,
        timeoutMs: deps.redisTimeoutMs ?? 100,
        now,
        onHold (reason, forMs) {
          learnt?.refused(reason, forMs)
          pause.hear(reason, forMs)
        },
        onShare (cause) {
          if (limits.all.length === 0) return
          if (cause === null) log.info({ code: 'IP_RISK_QUOTA_SHARED', provider: name }, 'the processes share one quota again')
          else log.warn({ code: 'IP_RISK_QUOTA_OFFLINE_SHARE', provider: name, cause }, offlineCauses[cause])
        }
      })
    const learnt = limits.minute === null ? learntLimit(counted, { windowMs, reserveForWrites, now }) : undefined
    const budget = { quota: learnt ?? counted, pause, terms }
    budgets.set(name, budget)
    if (redis === undefined) ownBudgets.set(provider, budget)
    return budget
  }

  const leaves = leavesOf(root)
  const names = leaves.map(leaf => leaf.name)
  if (new Set(names).size < leaves.length) {
    throw badOption('provider', `has two members of one name among ${names.join(', ')}: their answers could not be told apart`)
  }
  for (const leaf of leaves) guardOf(leaf)
  const rootGuard = guardOf(root)

  return {
    names: root.names ?? [root.name],
    ask: rootGuard.ask,
    isCrowded: ip => [...guards.values()].some(guard => guard.isCrowded?.(ip) === true),
    bulk: rootGuard.askAll,
    stats () {
      const asked = [...guards].filter(([{ members }]) => members === undefined)
      return Object.fromEntries(asked.map(([{ name }, guard]) => [name, guard.stats()]))
    },
    abort () { for (const guard of guards.values()) guard.abort() },
    async close () {
      const parts = [...guards.values(), ...[...budgets.values()].map(({ quota }) => quota)]
      const results = await Promise.allSettled(parts.map(part => part.close()))
      for (const result of results) if (result.status === 'rejected') throw result.reason
    }
  }
}

/** Those that are really asked, each once. */
function leavesOf (provider: Provider): Provider[] {
  return provider.members === undefined ? [provider] : [...new Set(provider.members.flatMap(leavesOf))]
}
