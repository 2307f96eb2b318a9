// Loaded before a benchmark by run.js: keeps what the benchmark prints with console.table, and writes it as JSON where run.js reads it.
// Of a benchmark that prints no table, the text, unless that is one line: it says that there is nothing to measure with.
import { writeFileSync } from 'node:fs'

const output = process.env.BENCH_TABLES
delete process.env.BENCH_TABLES // processes that the benchmark starts load this file, too
const tables = []
const lines = []
const { log, table } = console

console.log = (...words) => {
  lines.push(words.join(' '))
  log(...words)
}

console.table = rows => {
  tables.push({ caption: lines.at(-1) ?? '', rows })
  table(rows)
}

process.on('exit', () => {
  const found = tables.length > 0 || lines.length < 2 ? tables : [{ text: lines.join('\n').trim() }]
  if (found.length > 0 && output !== undefined) writeFileSync(output, JSON.stringify(found))
})
