import t from 'tap'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { eachLine, growingWords } from '../lib/lists/asn/read-lines.ts'

t.test('reads a file in parts and gives the lines of the whole, wherever a part ends', async t => {
  const path = join(t.testdir({}), 'rows.csv')
  const lineOf = (i: number): string => `${i},${'äß€😀x'.repeat(i % 29)}`
  const many = Array.from({ length: 20_000 }, (_, i) => i % 7 === 3 ? '' : lineOf(i))
  const long = 'ü'.repeat(400_000)
  for (const [name, text] of Object.entries({
    'many, some empty': many.join('\n'),
    'with a last newline': `${many.join('\n')}\n`,
    'longer than a part': `a\n${long}\nb\n${long}`,
    'exactly one part': 'x'.repeat(256 * 1024 - 1) + '\n',
    'one part and one byte': 'x'.repeat(256 * 1024) + '\ny',
    empty: ''
  })) {
    writeFileSync(path, text)
    const lines: string[] = []
    let last = 0
    eachLine(path, (line, part) => {
      lines.push(line)
      if (part < last || part > 1) throw new Error(`${part} after ${last}`)
      last = part
    })
    const expected = text.split('\n').filter(line => line !== '')
    t.equal(lines.length, expected.length, name)
    t.ok(lines.every((line, i) => line === expected[i]), name)
  }
  t.throws(() => eachLine(`${path}.none`, () => {}), { code: 'FST_IP_RISK_BAD_LIST', message: /rows\.csv\.none is missing/ })
})

t.test('words are kept in their order, however many', t => {
  const words = growingWords()
  for (let i = 0; i < 5000; i++) words.push(2 ** 32 - 1 - i)
  t.same([words.whole().length, words.whole()[0], words.whole()[4999]], [5000, 2 ** 32 - 1, 2 ** 32 - 5000])
  t.end()
})
