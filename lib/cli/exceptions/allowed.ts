import type { AddressException } from '../../../types/exceptions.ts'
import { parseAddress, rangeMap } from '../../ip/index.ts'
import { readNetwork } from '../../policy/index.ts'
import { type Command, command, EXIT } from '../command.ts'
import { alignedRows } from '../output.ts'
import { fleetOptions, withFleet } from './engine.ts'
import { networkIn } from './network.ts'

export const allowed: Command = command({
  usage: '[ADDRESS|CIDR…] [options]',
  about: 'Lists what allow and deny have in force, the oldest first, with reason and author. With addresses or ' +
    'networks, only what is about them or about a network around them.',
  options: { ...fleetOptions, json: { help: 'one JSON object for each' } },
  notes: 'The options allow and deny of the application are not in it.\nExit code 1: Redis does not answer, or what ' +
    'is stored there is not signed by the secret that was given.',
  async run ({ values, positionals }, io) {
    const wanted = positionals.map(readWanted)
    const { listed, warnings } = await withFleet(values, async ({ ipRisk, warnings }) => (
      { listed: await ipRisk.exceptions(), warnings }))
    const found = wanted.length === 0 ? listed : listed.filter(one => wanted.some(isAbout => isAbout(one)))
    if (values.json) for (const one of found) io.out(JSON.stringify(one))
    else if (found.length > 0) {
      const rows = found.map(({ effect, network, until, author, reason }) => (
        [effect, network, `until ${until.slice(0, 16).replace('T', ' ')} UTC`, author ?? '', reason ?? '']))
      for (const line of alignedRows(rows, [{}, {}, {}, { max: 30 }, { max: 80 }])) io.out(line)
    } else io.err('ip-risk: nothing is in force')
    for (const warning of warnings) io.err(`ip-risk: ${warning}`)
    return warnings.length > 0 ? EXIT.failure : EXIT.ok
  }
})

/** Whether an exception is about the address or network, or about one around it. */
function readWanted (text: string): (one: AddressException) => boolean {
  const wanted = networkIn(text)
  return ({ network }) => {
    const { cidr } = readNetwork(network)
    if (cidr.family !== wanted.cidr.family || cidr.prefix > wanted.cidr.prefix) return false
    const around = rangeMap([{ cidr, value: 1 }], 0, (_outer, inner) => inner)
    return around.at(parseAddress(wanted.network.split('/')[0]!) as 4 | 6) === 1
  }
}
