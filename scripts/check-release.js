// `node scripts/check-release.js v0.2.0`: a release has one version, in the tag, package.json, lib/ and the changelog.
import { readFileSync } from 'node:fs'

const root = new URL('..', import.meta.url)
const read = path => readFileSync(new URL(path, root), 'utf8')
const tag = process.argv[2]
const { version } = JSON.parse(read('package.json'))

const problems = []
if (tag !== `v${version}`) problems.push(`the tag is ${tag}, but package.json says ${version}: tag the commit as v${version}`)
if (JSON.parse(read('package-lock.json')).version !== version) problems.push('package-lock.json has another version: run "npm install"')
if (!read('CHANGELOG.md').includes(`\n## ${version}\n`)) problems.push(`CHANGELOG.md has no section "## ${version}"`)
for (const problem of problems) console.error(`check-release: ${problem}`)
if (problems.length > 0) process.exitCode = 1
