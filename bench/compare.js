// Compares the ratios of two runs of the benchmarks. Less is better in each.

/** Less than this is never called a change: machines differ by as much. */
const LEAST = 0.1
/** More than this is a change whatever the noise is: a benchmark that differs by more among its own runs compares nothing. */
const MOST = 0.25

const isRatio = value => Number.isFinite(value) && value > 0

/** A ratio from those of several runs. What they differ by is their spread; of one run alone it is not known. */
export function combine (name, values) {
  const wrong = values.find(value => !isRatio(value))
  if (wrong !== undefined || values.length === 0) throw new Error(`the ratio "${name}" is ${wrong}, and must be a number above 0`)
  const sorted = values.toSorted((a, b) => a - b)
  const median = sorted[sorted.length >> 1]
  const spread = (sorted.at(-1) - sorted[0]) / median
  return { value: Number(median.toPrecision(4)), spread: values.length < 2 ? null : Number(spread.toFixed(3)) }
}

/**
 * Each ratio of `now`, beside the one of `before`. What the runs of either differ by among themselves is noise, 25 % at most. Of one run
 * alone it is not known, and a change between the least and the most is `unsure`. `failed`: there is no number to compare, then or now.
 */
export function changes (before, now) {
  return Object.entries(now).flatMap(([file, { ratios }]) => {
    const known = before[file]?.ratios ?? {}
    return [...new Set([...Object.keys(ratios), ...Object.keys(known)])].map(name => compare(name, known[name], ratios[name]))
  })
}

function compare (name, old, { value = null, spread = null } = {}) {
  const found = { name, was: old?.value ?? null, is: value, change: null, noise: null }
  const isWrong = spread => spread !== null && !(Number.isFinite(spread) && spread >= 0)
  if (!isRatio(value) || isWrong(spread)) return { ...found, verdict: 'failed' }
  if (old === undefined) return { ...found, verdict: 'new' }
  if (!isRatio(old.value) || isWrong(old.spread)) return { ...found, verdict: 'failed' }
  const change = value / old.value - 1
  const isKnown = spread !== null && old.spread !== null
  const noise = isKnown ? Math.min(MOST, Math.max(LEAST, spread, old.spread)) : null
  const size = Math.abs(change)
  const verdict = size <= (noise ?? LEAST) ? 'same' : !isKnown && size <= MOST ? 'unsure' : change > 0 ? 'worse' : 'better'
  return { ...found, change, noise, verdict }
}

/** Whether a comparison proves nothing: a benchmark or a ratio failed, or no ratio has a recorded one to compare with. */
export const hasFailed = (found, failed) =>
  failed.length > 0 || found.some(({ verdict }) => verdict === 'failed') || found.every(({ verdict }) => verdict === 'new')

const percent = share => share === null ? '' : `${(share * 100).toFixed(0)} %`

/** A table in Markdown, the failed and worse ones first. */
export function summary (found, { last, now, failed = [] }) {
  const order = ['failed', 'worse', 'better', 'unsure', 'new', 'same']
  const rows = found.toSorted((a, b) => order.indexOf(a.verdict) - order.indexOf(b.verdict))
  const count = verdict => found.filter(one => one.verdict === verdict).length
  const unknown = [...failed, ...found.filter(({ verdict }) => verdict === 'failed').map(({ name }) => name)]
  return [
    ...unknown.length === 0 ? [] : [`FAILED, so nothing is known of it: ${unknown.join(', ')}.`],
    `${count('worse')} of ${found.length - count('new')} ratios are worse than on ${last?.date ?? 'no day'} by more than the noise ` +
      `(${percent(LEAST)} to ${percent(MOST)}); ${count('new')} have nothing to compare with.` +
      (count('unsure') === 0 ? '' : ` ${count('unsure')} changed, but of one run the noise is not known: repeat it with --runs 3.`),
    `Then: ${last?.cpu ?? 'unknown'}, Node.js ${last?.node ?? 'unknown'}. Now: ${now.cpu}, Node.js ${now.node}.`,
    '',
    '| Ratio (less is better) | Before | Now | Change | Noise | |',
    '|---|---|---|---|---|---|',
    ...rows.map(({ name, was, is, change, noise, verdict }) =>
      `| ${name} | ${was ?? ''} | ${is ?? ''} | ${percent(change)} | ${noise === null && change !== null ? 'unknown' : percent(noise)} | ${verdict} |`)
  ].join('\n')
}
