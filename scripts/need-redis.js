// The tests start a redis-server of their own. Finds it, else installs Debian's package where it may, else says how.
import { spawnSync } from 'node:child_process'

const works = (command, ...args) => spawnSync(command, args, { stdio: 'ignore' }).status === 0

if (!works('redis-server', '--version')) {
  const root = process.getuid?.() === 0
  const prefix = root ? [] : ['sudo', '-n']
  const mayInstall = works('apt-get', '--version') && (root || works('sudo', '-n', 'true'))
  const apt = (...args) => {
    const [command, ...rest] = [...prefix, 'env', 'DEBIAN_FRONTEND=noninteractive', 'apt-get', '-qq', ...args]
    spawnSync(command, rest, { stdio: ['ignore', 'ignore', 'inherit'] })
  }
  if (mayInstall) {
    console.log('Installing redis-server, which the tests start on a port of their own …')
    apt('update')
    apt('install', '--yes', '--no-install-recommends', 'redis-server')
  }
  if (!works('redis-server', '--version')) {
    console.error('The tests need redis-server (5 or later) on the PATH: install it ("sudo apt-get install redis-server"), then run "npm test" again.')
    process.exitCode = 1
  }
}
