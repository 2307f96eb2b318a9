import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import t from 'tap'

interface Change { readonly name: string, readonly verdict: string, readonly change: number | null }
interface Ratio { readonly value: number, readonly spread: number | null }
type Benches = Readonly<Record<string, { readonly ratios: Readonly<Record<string, Ratio>> }>>
const { changes, combine, hasFailed, summary } = await import('../bench/compare.js' as string) as {
  changes (before: Benches, now: Benches): Change[]
  combine (name: string, values: readonly number[]): Ratio
  hasFailed (found: readonly Change[], failed: readonly string[]): boolean
  summary (found: readonly Change[], machines: object): string
}
const { cell, suite } = await import('../bench/suite.js' as string) as {
  cell (table: { readonly rows: unknown }, row: string, column: string): number
  readonly suite: readonly { readonly file: string }[]
}

const bench = (value: number, spread: number | null = 0): Benches => ({ 'a.js': { ratios: { 'ours / theirs': { value, spread } } } })

t.test('a ratio is worse or better when it changed by more than the noise of either run', async t => {
  const table: readonly [before: Benches, now: Benches, verdict: string][] = [
    [bench(1), bench(1.09), 'same'],
    [bench(1), bench(1.11), 'worse'],
    [bench(1), bench(0.89), 'better'],
    [bench(1, 0.2), bench(1.19), 'same'],
    [bench(1), bench(1.19, 0.2), 'same'],
    [bench(1, 0.2), bench(1.21), 'worse'],
    [bench(1, null), bench(1.09), 'same'],
    [bench(1, null), bench(1.24), 'unsure'],
    [bench(1), bench(0.76, null), 'unsure'],
    [{}, bench(2), 'new']
  ]
  for (const [before, now, verdict] of table) t.equal(changes(before, now)[0]!.verdict, verdict)
})

t.test('no noise, recorded or unknown, excuses a change of more than a quarter', async t => {
  for (const spread of [0.3, 5, 1e9]) {
    t.equal(changes(bench(1, spread), bench(1.24))[0]!.verdict, 'same')
    t.equal(changes(bench(1, spread), bench(1.26))[0]!.verdict, 'worse')
    t.equal(changes(bench(1), bench(1.26, spread))[0]!.verdict, 'worse')
    t.equal(changes(bench(1, spread), bench(0.74))[0]!.verdict, 'better')
  }
  t.equal(changes(bench(1, null), bench(1.26))[0]!.verdict, 'worse')
  t.equal(changes(bench(1), bench(0.74, null))[0]!.verdict, 'better')
})

t.test('a ratio that is no number above 0, then or now, has failed: it is never "same"', async t => {
  // JSON turns NaN and Infinity into null.
  for (const value of [NaN, Infinity, -Infinity, 0, -1, null as unknown as number]) {
    for (const found of [changes(bench(1), bench(value)), changes(bench(value), bench(1)), changes({}, bench(value))]) {
      t.equal(found[0]!.verdict, 'failed', String(value))
      t.ok(hasFailed(found, []))
      t.match(summary(found, { last: undefined, now: {} }), /^FAILED, so nothing is known of it: ours \/ theirs\.\n0 of /)
    }
  }
  for (const spread of [NaN, Infinity, -0.1]) {
    t.equal(changes(bench(1, spread), bench(1))[0]!.verdict, 'failed')
    t.equal(changes(bench(1), bench(1, spread))[0]!.verdict, 'failed')
  }
  t.equal(hasFailed(changes(bench(1), bench(2)), []), false, 'a change is reported, and fails nothing')
  t.equal(hasFailed(changes(bench(1), bench(1)), ['b.js']), true)
})

t.test('a comparison of nothing has failed: of no ratio, or of new ones only', async t => {
  t.equal(hasFailed([], []), true)
  t.equal(hasFailed(changes({}, bench(1)), []), true)
  t.equal(hasFailed([...changes({}, bench(1)), ...changes(bench(1), bench(1))], []), false)
})

t.test('a recorded ratio that its benchmark does not print any more has failed', async t => {
  const found = changes({ 'a.js': { ratios: { gone: { value: 1, spread: 0 } } }, 'not-run.js': bench(1)['a.js']! }, bench(1))
  t.strictSame(found.map(({ name, verdict }) => [name, verdict]), [['ours / theirs', 'new'], ['gone', 'failed']])
})

t.test('runs are combined to their median and what they differ by; one that is no number is refused by name', async t => {
  t.strictSame(combine('a', [3, 1, 2]), { value: 2, spread: 1 })
  t.strictSame(combine('a', [1.5]), { value: 1.5, spread: null })
  for (const value of [NaN, Infinity, 0, -1]) t.throws(() => combine('a / b', [1, value, 1]), /the ratio "a \/ b" is .*, and must be a number above 0/)
  t.throws(() => combine('a', []), /must be a number above 0/)
})

t.test('the summary begins with how many are worse, and names those first', async t => {
  const found = [...changes(bench(1), bench(1)), ...changes(bench(1), bench(2))]
  const text = summary(found, { last: { date: '2026-01-02', cpu: 'a', node: '20' }, now: { cpu: 'b', node: '22' } })
  t.match(text, '1 of 2 ratios are worse than on 2026-01-02 by more than the noise (10 % to 25 %); 0 have nothing to compare with.')
  t.match(summary(changes({}, bench(2)), { last: undefined, now: {} }), /^0 of 0 ratios .* 1 have nothing/)
  t.match(summary(changes(bench(1, null), bench(1.2)), { last: undefined, now: {} }), /^0 of 1 ratios .* 1 changed, but of one run the noise is not known.* unknown \| unsure/s)
  t.match(summary([], { last: undefined, now: {}, failed: ['a.js', 'b.js'] }), /^FAILED, so nothing is known of it: a\.js, b\.js\.\n0 of 0/)
  t.ok(text.indexOf('worse |') < text.indexOf('same |'))
})

t.test('a number is found by parts of its row and column, in tables with names and without, and nothing else is taken for one', async t => {
  const rows = [{ method: 'ours, hit', 'us a request': '1.50' }, { method: 'theirs', 'us a request': '3' }]
  t.equal(cell({ rows }, 'ours', 'us a'), 1.5)
  t.equal(cell({ rows: { 'A no headers': { 'ours / theirs': '0.25' } } }, 'A ', 'ours /'), 0.25)
  t.throws(() => cell({ rows }, 'gone', 'us a'), /no number in row "gone"/)
  t.throws(() => cell({ rows }, 'ours', 'method'), /no number in row "ours", column "method"/)
})

t.test('each benchmark runs once', async t => {
  t.equal(new Set(suite.map(({ file }) => file)).size, suite.length)
})

t.test('a run that would measure nothing is refused', async t => {
  const run = fileURLToPath(new URL('../bench/run.js', import.meta.url))
  const stripTypes = new URL('../scripts/strip-types.js', import.meta.url).href
  for (const [given, exit, problem] of [
    [['--runs', 'abc'], 2, /--runs must be a whole number of at least 1, got abc/],
    [['--runs', '1.5'], 2, /--runs must be a whole number of at least 1, got 1.5/],
    [['--runs', '0'], 2, /--runs must be a whole number of at least 1, got 0/],
    [['--only', 'zzz'], 1, /--only zzz selects no benchmark/]
  ] as const) {
    const { status, stderr } = spawnSync(process.execPath, ['--import', stripTypes, run, '--compare', ...given], { encoding: 'utf8' })
    t.equal(status, exit)
    t.match(stderr, problem)
  }
})
