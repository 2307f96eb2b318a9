// The module hook of strip-types.js, which runs in a thread of its own.
import { createHash } from 'node:crypto'
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const folder = fileURLToPath(new URL('../node_modules/.cache/strip-types/', import.meta.url))

/** The JavaScript of a TypeScript text. */
async function strippedOf (text) {
  const file = `${folder}${createHash('sha1').update(text).digest('hex')}.js`
  try {
    return readFileSync(file, 'utf8')
  } catch {
    const { default: blank } = await import('ts-blank-space')
    const source = blank(text)
    mkdirSync(folder, { recursive: true })
    writeFileSync(`${file}.${process.pid}`, source)
    renameSync(`${file}.${process.pid}`, file) // another process may be reading it
    return source
  }
}

/** What replaces a package in tests, and why. */
const domains = new URL('./test-domains.js', import.meta.url)

export async function load (url, context, nextLoad) {
  if (url.endsWith('/async-hook-domain/dist/mjs/index.js')) {
    return { format: 'module', source: readFileSync(domains, 'utf8'), shortCircuit: true }
  }
  if (!url.startsWith('file:') || !url.endsWith('.ts') || url.includes('/node_modules/')) return await nextLoad(url, context)
  return { format: 'module', source: await strippedOf(readFileSync(new URL(url), 'utf8')), shortCircuit: true }
}
