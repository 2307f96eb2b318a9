// The tests put nginx and HAProxy in front of the resolver. Finds them, else installs Debian's packages where it may, else says that
// those tests are skipped.
import { spawnSync } from 'node:child_process'

const env = { ...process.env, PATH: `${process.env.PATH}:/usr/sbin:/usr/local/sbin` }
const works = (command, ...args) => spawnSync(command, args, { stdio: 'ignore', env }).status === 0
const missing = () => ['nginx', 'haproxy'].filter(command => !works(command, '-v'))

if (missing().length > 0) {
  const root = process.getuid?.() === 0
  const prefix = root ? [] : ['sudo', '-n']
  const mayInstall = works('apt-get', '--version') && (root || works('sudo', '-n', 'true'))
  const apt = (...args) => {
    const [command, ...rest] = [...prefix, 'env', 'DEBIAN_FRONTEND=noninteractive', 'apt-get', '-qq', ...args]
    spawnSync(command, rest, { stdio: ['ignore', 'ignore', 'inherit'] })
  }
  if (mayInstall) {
    console.log(`Installing ${missing().join(' and ')}, which the tests start on ports of their own …`)
    apt('update')
    apt('install', '--yes', '--no-install-recommends', ...missing())
  }
  const left = missing()
  if (left.length > 0) console.log(`Without ${left.join(' and ')} on the PATH the tests of a chain of real proxies are skipped.`)
}
