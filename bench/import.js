// What importing the package adds to a process that has imported Fastify: time, CPU and memory, processes in turn, medians.
//   npm run build && cd bench && npm install && node import.js [rounds, default 15]
// Without compiled data in the cache folder: reading it is work of the provider, and depends on its size.
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const self = fileURLToPath(import.meta.url)
const subjects = {
  'fastify-ip-risk, import and lists()': async () => (await import('../dist/lib/index.js')).lists(),
  'fastify-ip-risk, import': async () => await import('../dist/lib/index.js'),
  '@fastify/rate-limit, import': async () => await import('@fastify/rate-limit'),
  nothing: async () => {}
}
const [first = '15'] = process.argv.slice(2)
if (first in subjects) await measure(subjects[first])
else compare(Number(first))

async function measure (load) {
  await import('fastify')
  globalThis.gc()
  const [memory, cpu, begun] = [process.memoryUsage.rss(), process.cpuUsage(), performance.now()]
  await load()
  const ms = performance.now() - begun
  const { user, system } = process.cpuUsage(cpu)
  console.log(JSON.stringify({ ms, cpuMs: (user + system) / 1000, mb: (process.memoryUsage.rss() - memory) / 1e6 }))
}

function compare (rounds) {
  const XDG_CACHE_HOME = mkdtempSync(join(tmpdir(), 'ip-risk-import-'))
  const runs = Object.fromEntries(Object.keys(subjects).map(name => [name, []]))
  try {
    for (let i = 0; i < rounds; i++) {
      for (const name in subjects) {
        const text = execFileSync(process.execPath, ['--expose-gc', self, name], { encoding: 'utf8', env: { ...process.env, XDG_CACHE_HOME } })
        runs[name].push(JSON.parse(text))
      }
    }
  } finally {
    rmSync(XDG_CACHE_HOME, { recursive: true })
  }
  const median = (name, unit) => runs[name].map(run => run[unit]).toSorted((a, b) => a - b)[Math.floor(rounds / 2)]
  console.table(Object.keys(subjects).map(name => ({
    'after Fastify': name,
    ms: median(name, 'ms').toFixed(1),
    'CPU ms': median(name, 'cpuMs').toFixed(1),
    'resident MB': median(name, 'mb').toFixed(1)
  })))
}
