import type { IpRisk, UnknownReason } from '../../types/contract.ts'
import { createIpRisk } from '../frameworks/node.ts'
import { canonicalAddress } from '../ip/index.ts'
import { type Command, EXIT, parsed, positiveNumber, UsageError } from './command.ts'
import { providerOf, stderrLog } from './provider.ts'

const HELP = `Usage: ip-risk check IP… [options]

One line an address: verdict, score, categories, network, and the signals that made the score.

  --provider NAME    lists (default), iplogs, getipintel or mmdb:PATH; or IP_RISK_PROVIDER
  --redis URL        the cache that is shared with the application; or IP_RISK_REDIS
  --timeout-ms N     longest wait for one address; default 8000
  --json             one JSON object an address

GETIPINTEL_CONTACT is the e-mail address that getipintel demands. IP_RISK_IPLOGS_URL and IP_RISK_GETIPINTEL_URL replace their hosts.
Exit code 1: an address could not be judged because its provider failed. "unknown" for want of data is an answer.`

/** What went wrong, rather than what is simply not known. */
const FAILURES: ReadonlySet<UnknownReason | undefined> = new Set([
  'timeout', 'unavailable', 'overloaded', 'rate_limited', 'quota_exhausted', 'rejected', 'bad_response'
])

export const check: Command = {
  help: HELP,
  async run (args, io) {
    const { values, positionals } = parsed(args, {
      provider: { type: 'string' }, redis: { type: 'string' }, 'timeout-ms': { type: 'string' }, json: { type: 'boolean' }
    })
    if (positionals.length === 0) throw new UsageError('check needs at least one address: ip-risk check 192.0.2.1')
    const wrong = positionals.find(text => canonicalAddress(text) === null)
    if (wrong !== undefined) throw new UsageError(`"${wrong}" is not an IP address`)
    const timeoutMs = positiveNumber('--timeout-ms', values['timeout-ms'], 8000)
    const name = values.provider ?? (io.env['IP_RISK_PROVIDER'] || 'lists')
    const redis = values.redis ?? (io.env['IP_RISK_REDIS'] || undefined)
    const provider = providerOf(name, timeoutMs, io)
    const ipRisk = createIpRisk({ provider, timeoutMs, logAddress: 'full', log: stderrLog(io), ...redis !== undefined && { redis } })
    try {
      await ipRisk.ready()
      let failed = 0
      for (const ip of positionals) {
        const risk = await ipRisk.lookup(ip)
        io.out(values.json === true ? JSON.stringify(risk) : lineOf(risk))
        if (FAILURES.has(risk.reason)) failed++
      }
      if (failed > 0) io.err(`ip-risk: ${failed} of ${positionals.length} addresses could not be judged`)
      return failed > 0 ? EXIT.failure : EXIT.ok
    } finally {
      await ipRisk.close()
    }
  }
}

/** `192.0.2.1  vpn_detected  0.95  vpn,hosting  AS64496 Example  known_vpn_cidr 0.9 (a list), dc_ip 0.45 (another)` */
export function lineOf (risk: IpRisk): string {
  const { ip, verdict, reason, score, categories, info, signals } = risk
  const network = [info.asn, info.org ?? info.isp].filter(text => text !== undefined).join(' ')
  const matched = signals.map(({ type, weight, detail }) => `${type} ${weight}${detail === '' ? '' : ` (${detail})`}`).join(', ')
  const parts = [ip ?? '-', reason === undefined ? verdict : `${verdict} (${reason})`, score === null ? '' : String(score), categories.join(), network, matched]
  // A list or a provider wrote some of this: it must not break the line, nor drive the terminal.
  return parts.filter(part => part !== '').join('  ').replaceAll(/\p{Cc}/gu, ' ')
}
