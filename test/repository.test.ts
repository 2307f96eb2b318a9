import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'

const root = join(import.meta.dirname, '..')
const workflows = readdirSync(join(root, '.github/workflows')).map(name => [name, readFileSync(join(root, '.github/workflows', name), 'utf8')] as const)

for (const [name, text] of workflows) {
  t.test(`the workflow ${name} pins its actions, and has no permission that a job did not ask for`, async t => {
    const actions = [...text.matchAll(/uses: (.*)/g)].map(([, action]) => action!)
    t.ok(actions.length > 0)
    for (const action of actions) t.match(action, /^[\w-]+\/[\w-]+@[0-9a-f]{40} # v\d/, `${action} must be pinned: owner/name@<40 digits of the commit> # v1.2.3`)
    t.match(text, /^permissions: \{\}$/m)
    t.notMatch(text, /secrets\./)
  })
}

t.test('a release is refused when the tag differs from the version', async t => {
  const check = (...tag: string[]) => spawnSync(process.execPath, [join(root, 'scripts/check-release.js'), ...tag], { encoding: 'utf8' })
  for (const tag of [['v99.0.0'], ['0.1.0'], []]) {
    const { status, stderr } = check(...tag)
    t.equal(status, 1)
    t.match(stderr, /package\.json says/)
  }
})

t.test('every file that SECURITY.md names exists, and the package contains the page', async t => {
  const links = [...readFileSync(join(root, 'SECURITY.md'), 'utf8').matchAll(/\]\(([^)#]+)\)/g)].map(([, path]) => path!)
  t.ok(links.length > 20)
  t.strictSame(links.filter(path => !existsSync(join(root, path))), [])
  t.ok((JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { files: string[] }).files.includes('SECURITY.md'))
})
