// The tests start a redis-server, nginx, HAProxy and Caddy of their own on the loopback, and open pages in Chromium. Finds
// them, else installs Debian's packages where it may, else says how. Without Redis there are no tests; without one of the
// others the tests that need it are skipped.
import { spawnSync } from 'node:child_process'

const env = { ...process.env, PATH: `${process.env.PATH}:/usr/sbin:/usr/local/sbin` }
const works = (command, ...args) => spawnSync(command, args, { stdio: 'ignore', env }).status === 0
const versionOption = command => ({ caddy: 'version', chromium: '--version' })[command] ?? '-v'
const missing = () => ['redis-server', 'nginx', 'haproxy', 'caddy', 'chromium'].filter(command => !works(command, versionOption(command)))

if (missing().length > 0) {
  const isRoot = process.getuid?.() === 0
  const mayInstall = works('apt-get', '--version') && (isRoot || works('sudo', '-n', 'true'))
  if (mayInstall) {
    console.log(`Installing ${missing().join(', ')}, which the tests start …`)
    // RUNLEVEL=1 keeps Debian from starting the services: nobody asked for servers on this machine.
    const apt = ['env', 'DEBIAN_FRONTEND=noninteractive', 'RUNLEVEL=1', 'apt-get', '-qq']
    const [command, ...args] = isRoot ? apt : ['sudo', '-n', ...apt]
    // One by one: a package that this release does not have must not keep the others out.
    for (const step of [['update'], ...missing().map(name => ['install', '--yes', '--no-install-recommends', name])]) {
      spawnSync(command, [...args, ...step], { stdio: ['ignore', 'ignore', 'inherit'] })
    }
  }
  const left = missing()
  if (left.includes('redis-server')) {
    console.error('The tests need redis-server (6 or later) on the PATH: "sudo apt-get install redis-server", then "npm test" again.')
    process.exitCode = 1
  } else if (left.length > 0) {
    console.log(`Without ${left.join(' and ')} on the PATH the tests that need them are skipped.`)
  }
}
