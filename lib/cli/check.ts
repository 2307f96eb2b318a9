import type { IpRisk, UnknownReason } from '../../types/contract.ts'
import { createIpRisk } from '../frameworks/node.ts'
import { canonicalAddress } from '../ip/index.ts'
import { type Command, command, EXIT, UsageError } from './command.ts'
import { plainText } from './output.ts'
import { providerOf, providerOptions, stderrLog } from './provider.ts'

/** Reasons that count as failures: something did not work, rather than no data on the address. */
const failureReasons: ReadonlySet<UnknownReason | undefined> = new Set([
  'timeout', 'unavailable', 'overloaded', 'rate_limited', 'quota_exhausted', 'rejected', 'bad_response'
])

export const check: Command = command({
  usage: 'ADDRESS… [options]',
  about: 'One line for each address: verdict, score, categories, network, and the signals behind the score.',
  options: {
    ...providerOptions,
    json: { help: 'one JSON object for each address' }
  },
  notes: 'Exit code 1: a provider failed. "unknown" because there is no data is an answer.',
  async run ({ values, positionals }, io) {
    if (positionals.length === 0) throw new UsageError('check needs at least one address: ip-risk check 192.0.2.1')
    const wrong = positionals.find(text => canonicalAddress(text) === null)
    if (wrong !== undefined) throw new UsageError(`"${wrong}" is not an IP address`)
    const { redis, 'timeout-ms': timeoutMs = 8000 } = values
    const provider = providerOf(values.provider ?? 'lists', timeoutMs, io)
    const log = stderrLog(io)
    const ipRisk = createIpRisk({ provider, timeoutMs, logAddress: 'full', log, ...redis !== undefined && { redis } })
    try {
      await ipRisk.ready()
      let failed = 0
      for (const ip of positionals) {
        const risk = await ipRisk.lookup(ip)
        io.out(values.json ? JSON.stringify(risk) : lineOf(risk))
        if (failureReasons.has(risk.reason)) failed++
      }
      if (failed > 0) io.err(`ip-risk: ${failed} of ${positionals.length} addresses have no verdict`)
      return failed > 0 ? EXIT.failure : EXIT.ok
    } finally {
      await ipRisk.close()
    }
  }
})

/** `192.0.2.1  vpn_detected  0.95  vpn,hosting  AS64496 Example  known_vpn_cidr 0.9 (a list), dc_ip 0.45 (another)` */
export function lineOf (risk: IpRisk): string {
  const { ip, verdict, reason, score, categories, info, signals } = risk
  const network = [info.asn, info.org ?? info.isp].filter(text => text !== undefined).join(' ')
  const matched = signals.map(({ type, weight, detail }) => (
    `${type} ${weight}${detail === '' ? '' : ` (${detail})`}`
  )).join(', ')
  const parts = [
    ip ?? '-', reason === undefined ? verdict : `${verdict} (${reason})`, score === null ? '' : String(score),
    categories.join(), network, matched
  ]
  return plainText(parts.filter(part => part !== '').join('  '))
}
