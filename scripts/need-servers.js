// The tests start a redis-server, nginx and HAProxy of their own on the loopback. Finds them, else installs Debian's packages where it
// may, else says how. Without Redis there are no tests; without the proxies those of a chain of real proxies are skipped.
import { spawnSync } from 'node:child_process'

const env = { ...process.env, PATH: `${process.env.PATH}:/usr/sbin:/usr/local/sbin` }
const works = (command, ...args) => spawnSync(command, args, { stdio: 'ignore', env }).status === 0
const missing = () => ['redis-server', 'nginx', 'haproxy'].filter(command => !works(command, '-v'))

if (missing().length > 0) {
  const isRoot = process.getuid?.() === 0
  const mayInstall = works('apt-get', '--version') && (isRoot || works('sudo', '-n', 'true'))
  if (mayInstall) {
    console.log(`Installing ${missing().join(', ')}, which the tests start on ports of their own …`)
    // RUNLEVEL=1 keeps Debian from starting the services: nobody asked for servers on this machine.
    const apt = ['env', 'DEBIAN_FRONTEND=noninteractive', 'RUNLEVEL=1', 'apt-get', '-qq']
    const [command, ...args] = isRoot ? apt : ['sudo', '-n', ...apt]
    for (const step of [['update'], ['install', '--yes', '--no-install-recommends', ...missing()]]) {
      spawnSync(command, [...args, ...step], { stdio: ['ignore', 'ignore', 'inherit'] })
    }
  }
  const left = missing()
  if (left.includes('redis-server')) {
    console.error('The tests need redis-server (6 or later) on the PATH: "sudo apt-get install redis-server", then "npm test" again.')
    process.exitCode = 1
  } else if (left.length > 0) {
    console.log(`Without ${left.join(' and ')} on the PATH the tests of a chain of real proxies are skipped.`)
  }
}
