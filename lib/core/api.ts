import type { IpRiskApi } from '../../types/api.ts'
import type {
  BulkOptions, BulkRun, ClientIp, IpRisk, LookupMode, ProviderAnswer, RawRequest
} from '../../types/contract.ts'
import { badOption } from '../errors.ts'
import { TRUSTED } from '../familiarity/index.ts'
import { canonicalAddress, effectiveAddress, scopeOf } from '../ip/index.ts'
import type { PluginScope } from '../options/index.ts'
import { applyPolicy } from '../policy/index.ts'
import { shown } from '../util/index.ts'
import { answeredBy } from '../verdict/index.ts'
import { accountOf, learnFrom, loggedIn } from './accounts.ts'
import { assess } from './assess.ts'
import type { CompletedAssessment } from './assessment.ts'
import { bulk, type BulkAsk } from './bulk.ts'
import type { AssessmentContext } from './context.ts'
import type { Engine } from './engine.ts'
import { makeException, revokeException } from './exceptions.ts'
import { healthOf } from './health.ts'
import { riskOf } from './risk.ts'
import { updateScope } from './update.ts'

/** Addresses that no request brought: assessed as a write by them would be. */
async function assessAddress (engine: Engine, scope: PluginScope, text: unknown): Promise<IpRisk> {
  return await assess(engine, addressWithoutRequest(text), contextWithoutRequest(engine, scope, 'wait'))
}

function assessAddresses (
  engine: Engine, scope: PluginScope, ips: Iterable<string>, options?: BulkOptions
): BulkRun<IpRisk> {
  const fromCache = contextWithoutRequest(engine, scope, 'cache')
  return bulk<IpRisk>(ips, options, {
    async known (ip) {
      const risk = await assess(engine, addressWithoutRequest(ip), fromCache)
      return risk.reason === 'not_asked' ? null : risk
    },
    ask: (ips, options) => askOnce(engine, ips, options),
    verdict: (ip, answer) => riskOf(engine.now(), addressWithoutRequest(ip), {
      answer, provider: answeredBy(answer, engine.providerName), checkedAtMs: engine.now(), cache: 'miss'
    }, fromCache)
  })
}

/** Asks once where several addresses are looked up by one. */
async function * askOnce (
  engine: Engine, ips: readonly string[], options: BulkAsk
): AsyncGenerator<[string, ProviderAnswer]> {
  const waiting = new Map<string, string[]>()
  for (const ip of ips) {
    const asked = effectiveAddress(ip)
    const same = waiting.get(asked)
    if (same === undefined) waiting.set(asked, [ip])
    else same.push(ip)
  }
  for await (const [asked, answer] of engine.bulk([...waiting.keys()], options)) {
    for (const ip of waiting.get(asked)!) yield [ip, answer]
  }
}

function contextWithoutRequest (engine: Engine, scope: PluginScope, lookup: LookupMode): AssessmentContext {
  const { policy, mode, timeoutMs } = scope
  const routePolicy = { marked: false, action: null, write: true, policy, mode, lookup, timeoutMs }
  return { scope, route: routePolicy, method: 'POST', url: undefined, requestId: '', log: engine.log }
}

function addressWithoutRequest (text: unknown): ClientIp {
  const ip = typeof text === 'string' ? canonicalAddress(text) : null
  const scope = ip === null ? null : scopeOf(ip)
  return { ip, source: 'none', peer: null, hops: 0, scope, infrastructure: false, worker: false, ignored: [] }
}

/** The latest assessment of a framework's request. */
type AssessmentOf = (request: object) => CompletedAssessment | null | undefined

/** The public API: `app.ipRisk`, and what `createIpRisk` returns. */
export function createApi (engine: Engine, scope: PluginScope, assessmentOf: AssessmentOf): IpRiskApi {
  return rememberInternals({
    lookup: ip => assessAddress(engine, scope, ip),
    bulk: (ips, options) => assessAddresses(engine, scope, ips, options),
    decide: (risk, { action = null, write, method = write ? 'POST' : 'GET', url }) =>
      applyPolicy(scope.policy, risk, { action, write, method, url }, engine.log).decision,
    explain: request => engine.explain('raw' in request ? request.raw : request as RawRequest),
    allow: async (network, options) => await makeException(engine, scope, 'allow', network, options),
    deny: async (network, options) => await makeException(engine, scope, 'deny', network, options),
    revoke: async (network, note) => await revokeException(engine, scope, network, note),
    async exceptions () {
      await engine.readExceptions()
      return engine.exceptions.list()
    },
    async invalidate (ip) {
      const address = checkAddress(ip)
      await engine.invalidate(address, effectiveAddress(address))
    },
    async trust (request, account) {
      if (scope.familiarity === undefined) {
        throw badOption('familiarity', 'is missing: trust() has nothing to learn for')
      }
      const assessment = assessmentOf(request)
      if (assessment === undefined || assessment === null) {
        throw badOption('request', 'was not judged here: give trust() the request of a route with ipRisk')
      }
      if (account !== undefined) checkAccount(account)
      await loggedIn(assessment, account)
      await learnFrom(assessment, TRUSTED)
    },
    async forget (account) {
      await engine.familiarity.forget(checkAccount(account))
    },
    update: (changes, note) => updateScope(scope, changes, note, engine.log, engine.now()),
    setCloudflareRanges: engine.setCloudflareRanges,
    stats: engine.stats,
    report: engine.report,
    health: () => healthOf(engine.stats())
  }, { engine, scope })
}

function checkAccount (account: unknown): string {
  const id = accountOf(account)
  if (id === undefined) throw badOption('account', 'must be the id that familiarity.account returns')
  return id
}

function checkAddress (ip: unknown): string {
  const canonical = typeof ip === 'string' ? canonicalAddress(ip) : null
  if (canonical === null) throw badOption('ip', `must be an IP address, got ${shown(ip)}`)
  return canonical
}

/** What telemetry needs of an API beside its public members. */
export interface Internals { readonly engine: Engine, readonly scope: PluginScope }

const internals = new WeakMap<object, Internals>()

/** `api` is what applications hold: `app.ipRisk`, what `createIpRisk` returned, or the Express middleware. */
export function rememberInternals<Api extends IpRiskApi> (api: Api, parts: Internals): Api {
  internals.set(api, parts)
  return api
}

/** Undefined for what this copy of the package did not make. */
export function internalsOf (api: unknown): Internals | undefined {
  return (typeof api === 'object' && api !== null) || typeof api === 'function' ? internals.get(api) : undefined
}
