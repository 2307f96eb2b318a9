import { spawnSync } from 'node:child_process'

/** Debian puts servers where only root's PATH looks. */
export const serviceEnv: NodeJS.ProcessEnv = { ...process.env, PATH: `${process.env['PATH']}:/usr/sbin:/usr/local/sbin` }

export type Service = 'redis-server' | 'nginx' | 'haproxy' | 'caddy' | 'chromium' | 'promtool' | 'python3' | 'systemd-analyze'

const versionOption: Readonly<Record<Service, string>> = {
  'redis-server': '--version',
  nginx: '-v',
  haproxy: '-v',
  caddy: 'version',
  chromium: '--version',
  promtool: '--version',
  python3: '--version',
  'systemd-analyze': '--version'
}
const found = new Map<Service, boolean>()

/** Whether a program is installed. */
export function installed (service: Service): boolean {
  const known = found.get(service) ?? spawnSync(service, [versionOption[service]], { env: serviceEnv, stdio: 'ignore' }).status === 0
  found.set(service, known)
  return known
}

/**
 * The `skip` option of a test that needs other programs: `t.test('…', { skip: needs('chromium') }, …)`. False where all are
 * installed, else the reason. With `CI=true` a missing program is an error: there a skipped test is a hole.
 */
export function needs (...services: readonly Service[]): string | false {
  const missing = services.filter(service => !installed(service))
  if (missing.length === 0) return false
  if (process.env['CI'] === 'true') throw new Error(`${missing.join(' and ')} must be installed for this test: see scripts/need-servers.js`)
  return `${missing.join(' and ')} not installed`
}
