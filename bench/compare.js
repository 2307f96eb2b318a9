// Compares the ratios of two runs of the benchmarks. Less is better in each.

/** Less than this is never called a change: machines differ by as much. */
const LEAST = 0.1

/**
 * Each ratio of `now`, beside the one of `before`. What the runs of either differ by among themselves is noise. Of one run alone it is not
 * known, and a change by more than the least is `unsure`.
 */
export function changes (before, now) {
  return Object.entries(now).flatMap(([file, { ratios }]) => Object.entries(ratios).map(([name, { value, spread }]) => {
    const old = before[file]?.ratios[name]
    if (old === undefined) return { name, verdict: 'new', was: null, is: value, change: null, noise: null }
    const change = value / old.value - 1
    const isKnown = spread !== null && old.spread !== null
    const noise = isKnown ? Math.max(LEAST, spread, old.spread) : null
    const verdict = Math.abs(change) <= (noise ?? LEAST) ? 'same' : !isKnown ? 'unsure' : change > 0 ? 'worse' : 'better'
    return { name, verdict, was: old.value, is: value, change, noise }
  }))
}

const percent = share => share === null ? '' : `${(share * 100).toFixed(0)} %`

/** A table in Markdown, the worse ones first. */
export function summary (found, { last, now, failed = [] }) {
  const order = ['worse', 'better', 'unsure', 'new', 'same']
  const rows = found.toSorted((a, b) => order.indexOf(a.verdict) - order.indexOf(b.verdict))
  const count = verdict => found.filter(one => one.verdict === verdict).length
  return [
    ...failed.length === 0 ? [] : [`FAILED, so nothing is known of it: ${failed.join(', ')}.`],
    `${count('worse')} of ${found.length - count('new')} ratios are worse than on ${last?.date ?? 'no day'} by more than the noise; ` +
      `${count('new')} have nothing to compare with.` +
      (count('unsure') === 0 ? '' : ` ${count('unsure')} changed, but of one run the noise is not known: repeat it with --runs 3.`),
    `Then: ${last?.cpu ?? 'unknown'}, Node.js ${last?.node ?? 'unknown'}. Now: ${now.cpu}, Node.js ${now.node}.`,
    '',
    '| Ratio (less is better) | Before | Now | Change | Noise | |',
    '|---|---|---|---|---|---|',
    ...rows.map(({ name, was, is, change, noise, verdict }) =>
      `| ${name} | ${was ?? ''} | ${is} | ${percent(change)} | ${noise === null && was !== null ? 'unknown' : percent(noise)} | ${verdict} |`)
  ].join('\n')
}
