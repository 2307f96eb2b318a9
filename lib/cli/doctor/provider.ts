import type { IpRiskLogger, Provider } from '../../../types/contract.ts'
import { createIpRisk } from '../../frameworks/node.ts'
import { lists } from '../../providers/lists/index.ts'
import { leavesOf } from '../../resilience/index.ts'
import { type Finding, messageOf, reporter } from './finding.ts'

const report = reporter('provider')

/** Any public address will do; this one is known to everybody. */
const PROBED = '1.1.1.1'

const fixes: Readonly<Record<string, string>> = {
  rejected: 'check the key, the contact or the plan of the account, and whether it is meant for this address of yours',
  unavailable: 'see whether this host may connect to the service, by a firewall, a proxy and DNS, and whether ' +
    'baseUrl is right',
  timeout: 'see whether this host may connect to the service, or give it more time with timeoutMs',
  bad_response: 'see whether baseUrl is the service itself, and no page of a proxy or a login',
  rate_limited: 'wait, or lower the limits: the service counts calls of other programs, too',
  quota_exhausted: 'wait for the next day or month, or raise the plan and the limits'
}

const pullFix = 'run "ip-risk lists pull" every day, as the user of the application'

interface ProviderCheck {
  /** Undefined: the embedded one, with what is in the cache folder. */
  readonly provider: Provider | undefined
  readonly cacheFolder: string
  /** Nothing is asked of a service. */
  readonly offline: boolean
  /** Longest wait for an answer. */
  readonly timeoutMs: number
}

interface Logged { readonly code: string, readonly message: string }

/** Keeps warnings and errors, with the message of their cause. */
function keepingLog (): { readonly log: IpRiskLogger, readonly lines: readonly Logged[] } {
  const lines: Logged[] = []
  const keep = (fields: object, message = ''): void => {
    const { code = '', err, list } = fields as {
      readonly code?: string, readonly err?: unknown, readonly list?: string
    }
    const about = list === undefined ? '' : ` (${list})`
    const cause = err instanceof Error ? `: ${messageOf(err)}` : ''
    lines.push({ code, message: `${message.replace(/^ip-risk: /, '')}${about}${cause}` })
  }
  const ignore = (): void => {}
  return { lines, log: { debug: ignore, info: ignore, warn: keep, error: keep } }
}

/** Whether the provider answers; for lists and databases, whether there is data and how old it is. */
export async function checkProvider (options: ProviderCheck): Promise<Finding[]> {
  const { cacheFolder, provider: given } = options
  const provider = given ?? lists({ cacheFolder })
  const leaves = new Map(leavesOf(provider).map(leaf => [leaf.name, leaf]))
  const findings = await Promise.all([...leaves.values()].map(leaf => checkOne(leaf, options)))
  const isWithoutLists = given === undefined && lacksPublicLists(provider) &&
    !findings.flat().some(({ level }) => level !== 'ok')
  return isWithoutLists
    ? [report('warning', `no public lists were pulled into ${cacheFolder}: only AS numbers are known`, pullFix)]
    : findings.flat()
}

/** A snapshot is there after a pull that brought nothing, too; only public lists have an age that is too old. */
function lacksPublicLists ({ name, dataOldAfterSeconds }: Provider): boolean {
  return name === 'lists' && dataOldAfterSeconds === undefined
}

async function checkOne (provider: Provider, { offline, timeoutMs }: ProviderCheck): Promise<Finding[]> {
  const { name, sync } = provider
  if (offline && sync !== true) return [report('skipped', `${name} was not called (--offline)`)]
  const { log, lines } = keepingLog()
  const engine = createIpRisk({ provider, timeoutMs, log })
  try {
    const { verdict, reason } = await engine.lookup(PROBED)
    const problems = lines.map(({ code, message }) => report('warning', `${name}: ${message}`, fixOf(code)))
    const fix = fixes[reason ?? '']
    if (fix !== undefined) return [...problems, report('error', `${name} gives no verdict: ${reason}`, fix)]
    if (problems.length > 0) return problems
    const answer = reason === undefined ? verdict : `${verdict}, ${reason}`
    const data = lacksPublicLists(provider)
      ? 'but no public lists: only AS numbers or sources of your own'
      : 'and none of it is stale'
    return [report('ok', sync === true
      ? `${name} has data, ${data}`
      : `${name} answers, and accepts the key (${PROBED}: ${answer})`)]
  } finally {
    await engine.close()
  }
}

function fixOf (code: string): string {
  switch (code) {
    case 'IP_RISK_LISTS_MISSING': case 'IP_RISK_LISTS_OLD': case 'IP_RISK_LIST_STALE': return pullFix
    case 'IP_RISK_ASN_DATA_MISSING': return 'npm install @ip-location-db/asn'
    default: return code === '' ? 'see docs/runbook.md' : `see ${code} in docs/runbook.md`
  }
}
