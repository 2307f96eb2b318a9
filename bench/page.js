// docs/benchmarks.md, made of bench/results.json.
import { suite } from './suite.js'

function markdown ({ caption, rows, text }) {
  if (text !== undefined) return ['```', text, '```'].join('\n')
  const entries = Object.entries(rows)
  const columns = [...new Set(entries.flatMap(([, row]) => Object.keys(row)))]
    .filter(column => entries.some(([, row]) => (row[column] ?? '') !== '')) // one of `--against` may be empty
  const named = !Array.isArray(rows)
  const cells = texts => `| ${texts.map(text => String(text ?? '').replaceAll('|', '\\|')).join(' | ')} |`
  return [
    ...caption === '' ? [] : [`${caption}:`, ''],
    cells([...named ? [''] : [], ...columns]),
    cells([...named ? ['---'] : [], ...columns.map(() => '---')]),
    ...entries.map(([key, row]) => cells([...named ? [key] : [], ...columns.map(column => row[column])]))
  ].join('\n')
}

/** How to read its columns. */
function noteOn (file) {
  const { note } = suite.find(bench => bench.file === file) ?? {}
  return note === undefined ? [] : ['', note]
}

export function page ({ machine, benches }) {
  const { node, cpu, memoryGiB, system, redis, fastify, peers } = machine
  const ratios = Object.entries(benches).flatMap(([file, { ratios }]) => Object.entries(ratios).map(([name, { value, spread }]) =>
    `| ${name} | ${value} | ${spread === null ? 'one run' : `${(spread * 100).toFixed(0)} %`} | \`${file}\` |`))
  return `${[
    '# Benchmarks',
    '',
    'Written by `npm run bench` from `bench/results.json`. Do not edit it by hand. The figures are those of one machine; the ratios',
    'compare with something that was measured in the same run. For each pull request, each push to main, and weekly, CI measures the',
    `ratios of ${suite.filter(({ quick }) => quick === true).map(({ file }) => `\`${file}\``).join(', ')}`,
    'again (`npm run bench -- --compare`), and reports those that changed by more than the noise.',
    '',
    `${cpu}, ${memoryGiB} GiB, ${system}, Node.js ${node}, Redis ${redis}, Fastify ${fastify}.`,
    `Compared with: ${Object.entries(peers).map(([name, version]) => `${name} ${version}`).join(', ')}.`,
    '',
    '## Ratios',
    '',
    'Less is better in each. A ratio is the median of several runs, and "noise" is by how much they differed. The tables below are those of',
    'the last run, so they differ a little from the ratios.',
    '',
    '| Ratio | Median | Noise | Benchmark |',
    '|---|---|---|---|',
    ...ratios,
    ...Object.entries(benches).flatMap(([file, { date, commit, tables }]) => ['', `## ${file}`, '', `${date}, commit ${commit}.`, ...noteOn(file), ...tables.flatMap(table => ['', markdown(table)])])
  ].join('\n')}\n`
}
