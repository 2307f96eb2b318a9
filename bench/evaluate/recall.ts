import { type Data, servers6Of, serversOf, textOf } from './data.ts'
import { meanInterval, meanOf, wilson, withInterval } from './intervals.ts'
import { type Counts, countsOf, judge, listsWithout, type Verdict, withoutCopies } from './judge.ts'

interface Asked { readonly name: string, readonly counts: Counts, readonly of: number }

/** One line for the mean over providers, with its interval, and one for each provider, with its binomial one. */
export function printRecall (title: string, rows: readonly Asked[], { each = true } = {}): void {
  const shares = (grade: number): number[] => rows.map(({ counts, of }) => counts[grade]! / of)
  console.log(title.padEnd(44) + [0, 1, 2].map(grade => withInterval(meanOf(shares(grade)), meanInterval(shares(grade)))).join(''))
  if (!each) return
  for (const { name, counts, of } of rows) {
    console.log(`    ${name} (${of})`.padEnd(44) + counts.map(count => withInterval(count / of, wilson(count, of))).join(''))
  }
}

/** Of the IPv4 servers of each provider, judged without it. */
export function recallOf (data: Data, verdictWithout: (provider: string, servers: readonly number[]) => Verdict): Asked[] {
  return data.providers.map(provider => {
    const servers = serversOf(data.lists, provider)
    return { name: provider, counts: countsOf(servers.map(textOf), verdictWithout(provider, servers)), of: servers.length }
  })
}

export function strictJudge (data: Data, ageDays = 0): (provider: string, servers: readonly number[]) => Verdict {
  return (provider, servers) => judge(data, withoutCopies(listsWithout(data.lists, provider), servers), { without: provider, ageDays })
}

export function evaluateRecall (data: Data): void {
  console.log('Recall, one provider left out at a time, IPv4: at least suspicious, at least likely, detected, in % [95 % interval].')
  console.log('The interval of a mean says what other providers of that kind might show; that of a provider only counts its servers.')
  printRecall('all lists, without copies of its servers', recallOf(data, strictJudge(data)))
  printRecall('AS numbers alone', recallOf(data, provider => judge(data, [], { without: provider })))
  printRecall('all lists, with the copies that others hold', recallOf(data, provider =>
    judge(data, listsWithout(data.lists, provider), { without: provider })))

  const rows6 = data.providers.flatMap(provider => {
    const servers = servers6Of(data.lists, provider)
    if (servers.length === 0) return []
    const own = data.lists.find(list => list.id === provider)!.ranges.v6
    const words = Array.from({ length: own.length / 8 }, (_, i) => own.subarray(8 * i, 8 * i + 4))
    const others = withoutCopies(listsWithout(data.lists, provider), serversOf(data.lists, provider), words)
    const verdict = judge(data, others, { without: provider })
    return [{ name: provider, counts: countsOf(servers, verdict), of: servers.length }]
  })
  if (rows6.length > 0) printRecall('IPv6, all lists, without copies', rows6)
}
