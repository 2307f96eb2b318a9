import type { ExampleList } from '../../scripts/example-lists.ts'
import { addressesOf, type Data, serversOf, textOf } from './data.ts'
import type { Edition, History } from './history.ts'
import { countsOf, judge, withoutCopies } from './judge.ts'
import { printRecall, recallOf, strictJudge } from './recall.ts'

const AGES = [1, 7, 30, 90]

const dayOf = (seconds: number): string => new Date(seconds * 1000).toISOString().slice(0, 10)

export function evaluateDecay (data: Data, history: History | undefined): void {
  console.log('\nAge of the lists. The folder has one day of each list, so by itself it says only how the score of servers that do not')
  console.log('move falls when nothing is pulled (one provider left out, without copies):')
  for (const days of AGES) printRecall(`pulled ${days} days ago`, recallOf(data, strictJudge(data, days)), { each: false })
  if (history === undefined) {
    console.log('How many servers move is not in the folder. --history CLONE measures it, with a git clone of')
    console.log('https://github.com/Joe12387/open-source-vpn-ip-lists.')
    return
  }
  const { newest } = history
  console.log(`Servers that move: those of ${dayOf(newest.seconds)} asked of the providers' own lists of earlier days, without X4BNet's copies.`)
  for (const days of AGES) {
    print(`lists of ${days} days before`, history.daysBefore(days))
    print('  all days until then, accumulated', history.accumulated(days))
  }

  function print (title: string, edition: Edition | undefined): void {
    if (edition === undefined) {
      console.log(`${title.padEnd(44)} not measurable: the clone begins on ${dayOf(history!.firstSeconds)}`)
      return
    }
    const servers = addressesOf(newest.lists)
    const others = data.lists.filter(list => list.kind !== 'vpn-server')
    const verdict = judge(data, [...withoutCopies(others, servers), ...edition.lists])
    printRecall(title, newest.lists.map(list => asked(list, verdict)), { each: false })
  }

  function asked (list: ExampleList, verdict: (ip: string) => string): Parameters<typeof printRecall>[1][number] {
    const servers = addressesOf([list])
    return { name: list.id, counts: countsOf(servers.map(textOf), verdict), of: servers.length }
  }
}

/** Providers that are in no list of the folder, one left out at a time also of the package's own table of networks. */
export function evaluateFurther (data: Data, lists: readonly ExampleList[]): void {
  const further = lists.filter(({ id }) => !data.providers.includes(id))
  const own = new Set(data.providers.flatMap(provider => serversOf(data.lists, provider)))
  console.log('\nFurther providers: all lists of the folder, without copies, addresses of its providers not asked about.')
  printRecall('further providers', further.flatMap(list => {
    const servers = addressesOf([list]).filter(address => !own.has(address))
    if (servers.length === 0) return []
    const verdict = judge(data, withoutCopies(data.lists, servers), { without: list.id })
    return [{ name: list.id, counts: countsOf(servers.map(textOf), verdict), of: servers.length }]
  }))
}
