import { execFileSync } from 'node:child_process'
import { mergeRanges } from '../../lib/lists/sources/list.ts'
import { readList } from '../../lib/lists/sources/read-list.ts'
import { HALF_LIFE_DAYS } from '../../lib/lists/compile/weights.ts'
import type { ExampleList } from '../../scripts/example-lists.ts'

/** The lists of VPN providers as they were on one day. */
export interface Edition { readonly seconds: number, readonly lists: readonly ExampleList[] }

/** Earlier editions of lists that are kept in git, one file for each provider: a clone of Joe12387/open-source-vpn-ip-lists. */
export interface History {
  readonly newest: Edition
  readonly firstSeconds: number
  /** The edition of that many days before the newest one, or undefined where the clone begins later. */
  readonly daysBefore: (days: number) => Edition | undefined
  /** All that was listed until that many days before the newest edition, each range with the day on which it was last seen. */
  readonly accumulated: (days: number) => Edition | undefined
}

export function readHistory (clone: string): History {
  const git = (...args: string[]): string => execFileSync('git', ['-C', clone, ...args], { encoding: 'utf8', maxBuffer: 2 ** 28 })
  const commits = git('log', '--format=%H %ct', 'HEAD').trim().split('\n').map(line => {
    const [hash, seconds] = line.split(' ')
    return { hash: hash!, seconds: Number(seconds) }
  })
  const newestSeconds = commits[0]!.seconds
  const editionOf = ({ hash, seconds }: { hash: string, seconds: number }): Edition => ({
    seconds,
    lists: git('ls-tree', '--name-only', hash).split('\n').filter(file => file.endsWith('.txt')).map(file => {
      const publisher = file.slice(0, -'.txt'.length)
      return listOf(publisher, readList(Buffer.from(git('show', `${hash}:${file}`))).ranges, seconds)
    })
  })
  const upTo = (days: number): typeof commits => commits.filter(({ seconds }) => seconds <= newestSeconds - days * 86400)
  return {
    newest: editionOf(commits[0]!),
    firstSeconds: commits.at(-1)!.seconds,
    daysBefore: days => upTo(days).slice(0, 1).map(editionOf)[0],
    accumulated (days) {
      const chosen = upTo(days)
      if (chosen.length === 0) return undefined
      const editions = chosen.map(editionOf)
      const publishers = new Set(editions.flatMap(({ lists }) => lists.map(({ id }) => id)))
      return {
        seconds: chosen[0]!.seconds,
        lists: [...publishers].map(publisher => accumulatedOf(publisher, editions))
      }
    }
  }
}

function listOf (publisher: string, ranges: ExampleList['ranges'], dateSeconds: number): ExampleList {
  return {
    id: publisher, kind: 'vpn-server', publisher, contains: [publisher], ranges, asns: [], halfLifeDays: HALF_LIFE_DAYS['vpn-server'], dateSeconds
  }
}

/** Editions, newest first. */
function accumulatedOf (publisher: string, editions: readonly Edition[]): ExampleList {
  const seen = new Map<string, { range: Uint32Array, seconds: number }>()
  for (const { lists, seconds } of editions) {
    const list = lists.find(({ id }) => id === publisher)
    if (list === undefined) continue
    const { v4 } = mergeRanges(list.ranges)
    for (let i = 0; i < v4.length; i += 2) {
      const range = v4.subarray(i, i + 2)
      if (!seen.has(range.join())) seen.set(range.join(), { range, seconds })
    }
  }
  const ranges = [...seen.values()]
  return {
    ...listOf(publisher, { v4: Uint32Array.from(ranges.flatMap(({ range }) => [...range])), v6: new Uint32Array(0) }, editions[0]!.seconds),
    lastSeenSeconds: Uint32Array.from(ranges, ({ seconds }) => seconds)
  }
}
