/** Fakes for tests that run offline: entry `fastify-ip-risk/testing`. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Provider, ProviderAnswer, UnknownReason, VerdictName } from '../../types/contract.ts'
import { isVpnVerdict, knownAnswer, unknownAnswer, verdictNames } from '../verdict/index.ts'
import { fakeScores } from './fake-iplogs.ts'

export { fakeIplogs, type FakeIplogsAnswer } from './fake-iplogs.ts'
export { fakeGetipintel, type FakeGetipintelAnswer } from './fake-getipintel.ts'
export {
  type AbuseipdbRefusal, fakeAbuseipdb, type FakeAbuseipdbAnswer, type FakeAbuseipdbOptions
} from './fake-abuseipdb.ts'
export { fakeIpapiIs, type FakeIpapiIsAnswer, type FakeIpapiIsOptions, type IpapiIsRefusal } from './fake-ipapi-is.ts'
export { fakeIpinfo, type FakeIpinfoAnswer, type FakeIpinfoOptions, type IpinfoRefusal } from './fake-ipinfo.ts'
export {
  fakeIpqualityscore, type FakeIpqualityscoreAnswer, type FakeIpqualityscoreOptions, type IpqualityscoreRefusal
} from './fake-ipqualityscore.ts'
export { fakeMaxmind, type FakeMaxmindAnswer, type FakeMaxmindOptions, type MaxmindRefusal } from './fake-maxmind.ts'
export {
  fakeProxycheck, type FakeProxycheckAnswer, type FakeProxycheckOptions, type ProxycheckRefusal
} from './fake-proxycheck.ts'
export type { BodyFault, FakeServer, Fault, HttpFault } from './fake-server.ts'

/** A verdict, a reason of `unknown`, or a whole answer. */
export type FakeAnswer = VerdictName | UnknownReason | ProviderAnswer

/** The options of `fakeProvider`. */
export interface FakeProviderOptions {
  /** Its name. Default `fake`. */
  readonly name?: string | undefined
  /** The answer for addresses that are not named. Default `clean`. */
  readonly otherwise?: FakeAnswer | undefined
  /** How long an answer takes, in milliseconds. Default 0. */
  readonly delayMs?: number | undefined
}

/** A provider that answers from a table. */
export interface FakeProvider extends Provider {
  /** Every address that was looked up, in order. */
  readonly asked: readonly string[]
}

/**
 * A provider without a network.
 *
 * @example
 * const provider = fakeProvider({ '203.0.113.9': 'vpn_detected', '203.0.113.7': 'timeout' })
 */
export function fakeProvider (
  answers: Readonly<Record<string, FakeAnswer>> = {}, options: FakeProviderOptions = {}
): FakeProvider {
  const byIp = new Map(Object.entries(answers))
  const asked: string[] = []
  return {
    name: options.name ?? 'fake',
    asked,
    async lookup (ip, { signal }) {
      asked.push(ip)
      if (options.delayMs !== undefined) await sleep(options.delayMs, undefined, { signal })
      return whole(byIp.get(ip) ?? options.otherwise ?? 'clean')
    }
  }
}

function whole (answer: FakeAnswer): ProviderAnswer {
  if (typeof answer === 'object') return answer
  if (!isVerdict(answer)) return unknownAnswer(answer)
  return knownAnswer(answer, { score: fakeScores[answer], categories: isVpnVerdict(answer) ? ['vpn'] : [] })
}

function isVerdict (answer: VerdictName | UnknownReason): answer is VerdictName {
  return (verdictNames as readonly string[]).includes(answer)
}
