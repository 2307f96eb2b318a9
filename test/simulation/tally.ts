import type { Invariant, Observations } from './record.ts'

/** On how many cases the invariants were checked, over many fleets. */
export interface Tally {
  add (observations: ReadonlyMap<Invariant, Observations>): void
  /** In Markdown. */
  table (): string
  /** Names each invariant that was checked on fewer cases than this. */
  lacking (least: Readonly<Partial<Record<Invariant, number>>>): readonly string[]
}

export function createTally (): Tally {
  const seen = new Map<Invariant, Observations>()
  return {
    add (observations) {
      for (const [invariant, { checked, excused }] of observations) {
        const all = seen.get(invariant) ?? { checked: 0, excused: new Map<string, number>() }
        seen.set(invariant, all)
        all.checked += checked
        for (const [why, count] of excused) all.excused.set(why, (all.excused.get(why) ?? 0) + count)
      }
    },
    table: () => ['| Invariant | Checked on | Excused |', '|---|---|---|', ...[...seen].map(([invariant, { checked, excused }]) => {
      const reasons = [...excused].sort(([, a], [, b]) => b - a).map(([why, count]) => `${count.toLocaleString('en')}: ${why}`)
      return `| ${invariant} | ${checked.toLocaleString('en')} | ${reasons.join('; ') || '0'} |`
    })].join('\n'),
    lacking: least => (Object.entries(least) as [Invariant, number][]).flatMap(([invariant, cases]) => {
      const checked = seen.get(invariant)?.checked ?? 0
      return checked >= cases ? [] : [`"${invariant}" was checked on ${checked} cases, and must be on at least ${cases}`]
    })
  }
}
