// The tests start a redis-server, nginx, HAProxy, Caddy, Chromium and promtool of their own on the loopback, and use python3 and
// systemd-analyze. Finds them, else installs Debian's packages where it may, else says how. Without Redis there are no tests; without
// another program the tests that need it are skipped. IP_RISK_TEST_INSTALL=no forbids the installation.
import { spawnSync } from 'node:child_process'

/** Each program, the package it is in, and how to ask for its version. */
const programs = [
  ['redis-server', 'redis-server', '--version'], ['nginx', 'nginx', '-v'], ['haproxy', 'haproxy', '-v'], ['caddy', 'caddy', 'version'],
  ['chromium', 'chromium', '--version'], ['promtool', 'prometheus', '--version'], ['python3', 'python3', '--version'],
  ['systemd-analyze', 'systemd', '--version']
]
const env = { ...process.env, PATH: `${process.env.PATH}:/usr/sbin:/usr/local/sbin` }
const works = (command, ...args) => spawnSync(command, args, { stdio: 'ignore', env }).status === 0
const missing = () => programs.filter(([program, , version]) => !works(program, version))
const names = list => list.map(([program]) => program).join(', ')

const absent = missing()
if (absent.length > 0) {
  const isRoot = process.getuid?.() === 0
  const forbidden = process.env.IP_RISK_TEST_INSTALL === 'no'
  const mayInstall = !forbidden && works('apt-get', '--version') && (isRoot || works('sudo', '-n', 'true'))
  if (mayInstall) {
    const packages = absent.map(([, name]) => name)
    console.log(`Installing ${packages.join(', ')} with apt-get, because the tests start these programs. IP_RISK_TEST_INSTALL=no forbids it.`)
    // RUNLEVEL=1 keeps Debian from starting the services.
    const apt = ['env', 'DEBIAN_FRONTEND=noninteractive', 'RUNLEVEL=1', 'apt-get', '-qq']
    const [command, ...args] = isRoot ? apt : ['sudo', '-n', ...apt]
    const run = (...more) => spawnSync(command, [...args, ...more], { stdio: ['ignore', 'ignore', 'inherit'] }).status === 0
    const install = (...wanted) => run('install', '--yes', '--no-install-recommends', ...wanted)
    run('update')
    // A package that this release does not have keeps all the others out: then one by one.
    if (!install(...packages)) for (const name of packages) install(name)
  }
  const left = mayInstall ? missing() : absent
  const how = `"sudo apt-get install ${left.map(([, name]) => name).join(' ')}"`
  if (left.some(([program]) => program === 'redis-server')) {
    console.error(`The tests need redis-server (6 or later) on the PATH: ${how}, then "npm test" again.`)
    process.exitCode = 1
  } else if (left.length > 0) {
    console.log(`Not on the PATH: ${names(left)}. The tests that need it are skipped; to run them: ${how}.`)
  }
}
