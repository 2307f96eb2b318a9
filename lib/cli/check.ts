import { text } from 'node:stream/consumers'
import type { IpRiskEngine } from '../../types/api.ts'
import type { IpRisk } from '../../types/contract.ts'
import { createIpRisk } from '../frameworks/node.ts'
import { canonicalAddress } from '../ip/index.ts'
import { type Command, command, EXIT, UsageError } from './command.ts'
import { isFailure } from '../verdict/index.ts'
import { alignedRows, type Io, painter, plainText } from './io.ts'
import { chosenProvider, DEFAULT_TIMEOUT_MS, providerOptions, stderrLog } from './provider.ts'

/** Rows are aligned, and shown, in groups of so many. */
const GROUP = 100

export const check: Command = command({
  usage: '[ADDRESS…] [options]',
  about: 'One line for each address: verdict, score, categories, network, and the signals behind the score. ' +
    'Without addresses, it reads one from each line of standard input.',
  options: {
    ...providerOptions,
    json: { help: 'one JSON object for each address' }
  },
  notes: 'Exit code 1: a provider failed, or something was no address. "unknown" because there is no data is an ' +
    'answer.',
  async run ({ values, positionals }, io) {
    const texts = positionals.length > 0 && positionals[0] !== '-' ? positionals : await inputLines(io)
    if (texts.length === 0) throw new UsageError('check needs at least one address: ip-risk check 192.0.2.1')
    const { redis, 'timeout-ms': timeoutMs = DEFAULT_TIMEOUT_MS } = values
    const provider = chosenProvider(values, io)
    const log = stderrLog(io)
    const ipRisk = createIpRisk({ provider, timeoutMs, logAddress: 'full', log, ...redis !== undefined && { redis } })
    try {
      await ipRisk.ready()
      const problems = { failed: 0, wrong: 0 }
      for (let i = 0; i < texts.length; i += GROUP) {
        const group = texts.slice(i, i + GROUP)
        const risks = await lookUp(ipRisk, group)
        problems.failed += risks.filter(({ reason }) => isFailure(reason)).length
        for (const [at, risk] of risks.entries()) {
          if (risk.ip !== null) continue
          problems.wrong++
          io.err(`ip-risk: ${JSON.stringify(plainText(group[at]!))} is not an IP address`)
        }
        const known = risks.filter(({ ip }) => ip !== null)
        for (const line of values.json ? risks.map(risk => JSON.stringify(risk)) : linesOf(known, io)) io.out(line)
      }
      if (problems.failed > 0) {
        io.err(`ip-risk: ${problems.failed} of ` +
        `${texts.length === 1 ? '1 address' : `${texts.length} addresses`} without a verdict`)
      }
      return problems.failed + problems.wrong > 0 ? EXIT.failure : EXIT.ok
    } finally {
      await ipRisk.close()
    }
  }
})

async function inputLines ({ stdin }: Io): Promise<string[]> {
  if (stdin.isTTY === true) return []
  const lines = (await text(stdin)).split('\n').map(line => line.trim().split(/\s/)[0]!)
  return lines.filter(line => line !== '' && !line.startsWith('#'))
}

/** In the order given. One address gets the provider's full answer; several share its bulk calls, and its limits. */
async function lookUp (ipRisk: IpRiskEngine, texts: readonly string[]): Promise<IpRisk[]> {
  if (texts.length === 1) return [await ipRisk.lookup(texts[0]!)]
  const found = new Map<string, IpRisk>()
  for await (const [ip, risk] of ipRisk.bulk(texts)) found.set(ip, risk)
  return texts.map(text => found.get(canonicalAddress(text) ?? text)!)
}

const colours = {
  vpn_detected: 'red', vpn_likely: 'red', suspicious: 'yellow', clean: 'green', unknown: 'gray'
} as const

function linesOf (risks: readonly IpRisk[], io: Io): string[] {
  const paint = painter(io.stdout, io.env)
  const lines = alignedRows(risks.map(cellsOf), [{}, {}, { align: 'right' }, {}, { max: 40 }])
  return lines.map((line, i) => line.replace(risks[i]!.verdict, verdict => paint(colours[risks[i]!.verdict], verdict)))
}

/** `192.0.2.1  vpn_detected  0.95  vpn,hosting  AS64496 Example  known_vpn_cidr 0.9 (a list), dc_ip 0.45 (another)` */
function cellsOf ({ ip, verdict, reason, score, categories, info, signals }: IpRisk): string[] {
  const network = [info.asn, info.org ?? info.isp].filter(text => text !== undefined).join(' ')
  const matched = signals.map(({ type, weight, detail }) => (
    `${type} ${weight}${detail === '' ? '' : ` (${detail})`}`
  )).join(', ')
  return [
    ip ?? '-', reason === undefined ? verdict : `${verdict} (${reason})`, score === null ? '' : String(score),
    categories.join(), network, matched
  ]
}
