import { LRUCache } from 'lru-cache'
import type { IpRiskEngine } from '../../../types/api.ts'
import type { Decision, IpRisk, UnknownReason } from '../../../types/contract.ts'
import { isFailure } from '../../verdict/index.ts'
import { csvCell } from './csv.ts'
import { fromUtf8, type ReviewRecord } from './record.ts'
import type { RouteRules } from './routes.ts'

/** What is known of an address. The rest is made when it is first needed, and used again in each row of the address. */
export interface AddressVerdict {
  readonly risk: IpRisk
  cells?: string
  members?: readonly string[]
  /** The policy's decision on the last route, and on others. */
  route?: string
  decision?: Decision
  others?: Map<string, Decision>
}

export const addedColumns = [
  'verdict', 'score', 'categories', 'asn', 'org', 'country', 'provider', 'decision'
] as const

/** Failures that end by themselves: a limit allows calls again, or a pause is over. */
const limitReasons: ReadonlySet<UnknownReason | undefined> = new Set(['quota_exhausted', 'rate_limited'])

interface VerdictOptions {
  readonly ipRisk: Pick<IpRiskEngine, 'bulk' | 'decide'>
  /** Of so many addresses. */
  readonly keptVerdicts: number
  /** Further rounds for addresses whose lookup failed. */
  readonly retries: number
  readonly signal: AbortSignal
  readonly sleep: (ms: number, signal: AbortSignal) => Promise<void>
  /** Called when the quota is spent, and again when the provider answers. */
  readonly onWait: (waiting: boolean) => void
}

const LIMIT_WAIT_MS = 15_000
const RETRY_WAIT_MS = 2_000

/** Verdicts on the addresses of one batch after the other. */
export interface Verdicts {
  /**
   * Fills in `known` as verdicts come; resolves when all are there. Rejects when the signal aborts, and
   * when the provider rejects the calls, since further ones could prolong a ban.
   */
  lookUp (addresses: Iterable<string>, known: Map<string, AddressVerdict>): Promise<void>
  /** What the policy says of this address on the route of this record. */
  decide (found: AddressVerdict, record: ReviewRecord, rules: RouteRules): Decision
}

export function createVerdicts (options: VerdictOptions): Verdicts {
  const { ipRisk, keptVerdicts, retries, signal, sleep, onWait } = options
  const kept = new LRUCache<string, AddressVerdict>({ max: keptVerdicts })

  async function lookUp (addresses: Iterable<string>, known: Map<string, AddressVerdict>): Promise<void> {
    let missing: string[] = []
    for (const address of addresses) {
      const found = kept.get(address)
      if (found === undefined) missing.push(address)
      else known.set(address, found)
    }
    for (let round = 0; missing.length > 0;) {
      let failed: [string, IpRisk][] = []
      for await (const [address, risk] of ipRisk.bulk(missing, { signal })) {
        if (isFailure(risk.reason)) failed.push([address, risk])
        else keep(known, address, risk)
      }
      if (failed.some(([, { reason }]) => reason === 'rejected')) {
        throw new Error('the provider rejects the calls: its contact, its key or this address is not accepted')
      }
      const isLimited = failed.some(([, { reason }]) => limitReasons.has(reason))
      if (!isLimited && round++ >= retries) {
        for (const [address, risk] of failed) known.set(address, { risk })
        failed = []
      }
      missing = failed.map(([address]) => address)
      if (missing.length === 0) break
      onWait(true)
      await sleep(isLimited ? LIMIT_WAIT_MS : RETRY_WAIT_MS * 2 ** (round - 1), signal)
      onWait(false)
    }
  }

  function keep (known: Map<string, AddressVerdict>, address: string, risk: IpRisk): void {
    const found: AddressVerdict = { risk }
    known.set(address, found)
    kept.set(address, found)
  }

  function decide (found: AddressVerdict, record: ReviewRecord, rules: RouteRules): Decision {
    const key = rules.keyOf(record)
    if (found.route === key) return found.decision!
    const decision = found.others?.get(key) ?? ipRisk.decide(found.risk, rules.contextOf(record))
    if (found.route === undefined) {
      found.route = key
      found.decision = decision
    } else {
      found.others ??= new Map()
      // Methods and actions come from the input: they must not pile up on one address.
      if (found.others.size < 100) found.others.set(key, decision)
    }
    return decision
  }

  return { lookUp, decide }
}

/** The added cells but for the decision. */
export function cellsOf (found: AddressVerdict, delimiter: string): string {
  const { risk: { verdict, score, categories, info, provider } } = found
  found.cells ??= [
    verdict, score ?? '', categories.join(' '), safe(info.asn), safe(info.org ?? info.isp),
    safe(info.countryCode ?? info.country), safe(provider)
  ].join(delimiter)
  return found.cells
}

function safe (text: string | undefined): string {
  return text === undefined ? '' : csvCell(fromUtf8(text))
}

/** The values of the added members of JSON, but for the decision. */
export function membersOf (found: AddressVerdict): readonly string[] {
  const { risk: { verdict, score, categories, info, provider } } = found
  found.members ??= [
    verdict, score, categories, info.asn ?? null, info.org ?? info.isp ?? null,
    info.countryCode ?? info.country ?? null, provider
  ].map(value => fromUtf8(JSON.stringify(value)))
  return found.members
}
