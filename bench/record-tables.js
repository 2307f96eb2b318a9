// Loaded before a benchmark by run.js: keeps what the benchmark prints with console.table, and writes it as JSON where run.js reads it.
import { writeFileSync } from 'node:fs'

const tables = []
let caption = ''
const { log, table } = console

console.log = (...words) => {
  caption = String(words[0] ?? '')
  log(...words)
}

console.table = rows => {
  tables.push({ caption, rows })
  table(rows)
}

process.on('exit', () => {
  if (tables.length > 0) writeFileSync(process.env.BENCH_TABLES, JSON.stringify(tables))
})
