// How much of a VPN provider is found without its own lists, who is wrongly called a VPN, and how that ages:
// node --import tsx bench/evaluate.ts [--data DIR] [--further DIR] [--history CLONE]
// DIR has the layout that scripts/example-lists.ts reads; each file in DIR/vpn-first-party is one provider. The strictest row comes first.
// --further: providers of which DIR has no list, one file each as scripts/further-providers.ts reads them.
import { parseArgs } from 'node:util'
import { evaluateAlternatives } from './evaluate/alternatives.ts'
import { readData } from './evaluate/data.ts'
import { evaluateDecay, evaluateFurther } from './evaluate/decay.ts'
import { evaluateFalsePositives } from './evaluate/groups.ts'
import { readHistory } from './evaluate/history.ts'
import { evaluateRecall } from './evaluate/recall.ts'
import { furtherProviders } from '../scripts/further-providers.ts'

const { values: { data: folder, further, history: clone } } = parseArgs({
  options: { data: { type: 'string' }, further: { type: 'string' }, history: { type: 'string' } }
})
const data = readData(folder)
if (data === undefined) {
  console.log('Needs the example lists (--data DIR, default ../shared/data) and the package @ip-location-db/asn: nothing was measured.')
  process.exit(folder === undefined ? 0 : 1)
}
const history = clone === undefined ? undefined : readHistory(clone)
evaluateRecall(data)
if (further !== undefined) evaluateFurther(data, furtherProviders(further))
const groups = evaluateFalsePositives(data)
evaluateAlternatives(data, groups)
evaluateDecay(data, history)
