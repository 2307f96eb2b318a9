// What `npm run bench` runs. A benchmark prints its figures with console.table: that is all it has to do to be recorded. Of one without
// tables, what it prints is recorded. `typescript`: a benchmark in JavaScript that imports TypeScript.
// `note` says how to read its columns.
// `ratios` reads numbers from those tables that compare ours with something measured in the same run, so that they hold on other machines;
// less is better. `quick`: CI compares it, too, with `quickArgs` where all would take too long. `mayMiss`: it ends with 1 where it misses a
// target of its own; any other does so when it fails.

/** The number in a table: the row by a part of any of its texts (or its key), the column by a part of its name. */
export function cell ({ rows }, rowPart, columnPart) {
  const row = Object.entries(rows).find(([key, row]) => [key, ...Object.values(row)].some(text => String(text).includes(rowPart)))?.[1]
  const [, text] = Object.entries(row ?? {}).find(([name]) => name.includes(columnPart)) ?? []
  const value = Number.parseFloat(text)
  if (Number.isNaN(value)) throw new Error(`no number in row "${rowPart}", column "${columnPart}": ${JSON.stringify(rows)}`)
  return value
}

const share = (table, ours, other, column) => cell(table, ours, column) / cell(table, other, column)

/** Over sockets it is the second table, where an empty hook costs next to nothing: by default it costs as much as either. */
const besideRateLimit = where => tables => ({
  [`memory hit / @fastify/rate-limit, ${where}`]: share(tables.at(-1), 'memory hit, read', '@fastify/rate-limit', 'added to bare')
})

const besideBare = '"added, least": the fastest round of all, minus that of bare. "noise" is the standard error of the medians of the processes, in us.'

export const suite = [
  {
    file: 'hot-path.js',
    args: ['memory hit|@fastify/rate-limit'],
    note: besideBare,
    quick: true,
    ratios: besideRateLimit('in process')
  },
  { file: 'hot-path-pairs.js' },
  {
    file: 'hot-path-http.js',
    args: ['memory hit|@fastify/rate-limit'],
    quickArgs: ['memory hit|@fastify/rate-limit', '--launches', '2'],
    note: `${besideBare} The ratio is that of the second table. The aim was 1.5 us over sockets, and is not reached.`,
    quick: true,
    ratios: besideRateLimit('over sockets')
  },
  { file: 'hot-path-instructions.js', args: ['memory hit, read|memory hit$|rate-limit'] },
  {
    file: 'redis-hit.js',
    args: ['5'],
    note: 'The machine changes its speed during a run, so the ratios, of variants that ran one after the other, say more than the absolute figures.',
    quick: true,
    ratios: ([table]) => ({
      'CPU of a Redis hit / bare GET, parsed': cell(table, 'fastify-ip-risk, Redis hit', 'one GET, parsed = 1')
    })
  },
  {
    file: 'client-ip.js',
    args: ['--rounds', '1'],
    note: 'In ns an address, the best of several runs. "target" is 1.5 times what the walk was measured to need at least, as a part of proxy-addr.',
    quick: true,
    ratios: ([table]) => Object.fromEntries(['A', 'B', 'C', 'D', 'E'].map(shape =>
      [`client address / proxy-addr, shape ${shape}`, cell(table, `${shape} `, 'ours / proxy-addr')]))
  },
  {
    file: 'memory.js',
    quick: true,
    ratios: ([table]) => ({
      'bytes of a cached verdict / bentocache': share(table, 'fastify-ip-risk', 'bentocache', 'bytes an entry'),
      'bytes of a verdict read again / bentocache': share(table, 'fastify-ip-risk', 'bentocache', 'all read again')
    })
  },
  {
    file: 'fleet.js',
    args: ['3'],
    quick: true,
    ratios: ([answers, fails]) => ({
      'provider calls / cold addresses, 4 processes': cell(answers, 'fastify-ip-risk', 'provider calls') / 50,
      'provider calls / cold addresses, failing provider': cell(fails, 'fastify-ip-risk', 'provider calls') / 50
    })
  },
  {
    file: 'fleet-scale.js',
    args: ['4', '16'],
    note: 'An entry here has no signals and no info, so it is smaller than that of `cache-states.js`.',
    ratios: ([table]) => ({
      'scripts per cold address and process, 16 processes': Object.values(table.rows)[1]['scripts an address'] / 16
    })
  },
  { file: 'decide.js', args: ['3'] },
  {
    file: 'lists.ts',
    args: ['5'],
    ratios: ([table]) => ({
      'embedded lists / maxmind, IPv4 hit': share(table, 'lists, the same prefixes', 'maxmind', 'v4 hit'),
      'embedded lists / maxmind, IPv6 hit': share(table, 'lists, the same prefixes', 'maxmind', 'v6 hit')
    })
  },
  {
    file: 'bulk.ts',
    mayMiss: true,
    ratios: ([{ rows }]) => ({ 'bulk() / least possible time': Object.values(rows).map(row => Number(row['times the minimum'])).sort()[1] })
  },
  {
    file: 'import.js',
    ratios: ([table]) => ({
      'CPU of importing, with lists() / @fastify/rate-limit': share(table, 'import and lists()', '@fastify/rate-limit, import', 'CPU ms')
    })
  },
  {
    file: 'review.js',
    args: ['200000'],
    ratios: ([lines, calls]) => ({
      'CPU of ip-risk review / least possible': cell(lines, 'every address once', 'CPU, floor'),
      'time of bulk calls of ip-risk review / least possible': cell(calls, '', 'time, floor')
    })
  },
  { file: 'redis-states.js', args: ['5'] },
  { file: 'quota-script.ts' },
  { file: 'cache-states.js', args: ['5'] },
  { file: 'escalate.js', typescript: true },
  { file: 'evaluate.ts' },
  { file: 'familiarity.js' },
  { file: 'rude.js', args: ['100'] }
]
