import { setTimeout as sleep } from 'node:timers/promises'
import type { Provider, ProviderAnswer, UnknownReason, VerdictName } from '../../types/contract.ts'
import { knownAnswer, unknownAnswer, verdictNames } from '../verdict/index.ts'
import { fakeScores } from './fake-iplogs.ts'

/** A verdict, a reason why nothing is known, or a whole answer. */
export type FakeAnswer = VerdictName | UnknownReason | ProviderAnswer

export interface FakeProviderOptions {
  /** Default `fake`. */
  readonly name?: string
  /** For addresses that are not named. Default `clean`. */
  readonly otherwise?: FakeAnswer
  /** How long an answer takes. Default 0. */
  readonly delayMs?: number
}

export interface FakeProvider extends Provider {
  /** Every address that was asked about, in order. */
  readonly asked: readonly string[]
}

/** A provider without a network: `fakeProvider({ '203.0.113.9': 'vpn_detected' })`. */
export function fakeProvider (answers: Readonly<Record<string, FakeAnswer>> = {}, options: FakeProviderOptions = {}): FakeProvider {
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
  const isVpn = answer === 'vpn_likely' || answer === 'vpn_detected'
  return knownAnswer(answer, { score: fakeScores[answer], categories: isVpn ? ['vpn'] : [] })
}

function isVerdict (answer: VerdictName | UnknownReason): answer is VerdictName {
  return (verdictNames as readonly string[]).includes(answer)
}
