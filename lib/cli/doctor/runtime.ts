import { existsSync, readFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import type { ClientIpOptions } from '../../../types/contract.ts'
import { createClientIpResolver } from '../../client-ip/index.ts'
import { readPluginScope } from '../../options/index.ts'
import { canStepUp } from '../../policy/index.ts'
import { version } from '../../util/index.ts'
import type { Settings } from '../settings.ts'
import { within } from '../../util/index.ts'
import { type Finding, messageOf, reporter } from './finding.ts'

const MIN_NODE = [20, 19] as const

export function checkNode (given: string = process.versions.node): Finding {
  const report = reporter('node')
  const [major = 0, minor = 0] = given.split('.').map(Number)
  return major > MIN_NODE[0] || (major === MIN_NODE[0] && minor >= MIN_NODE[1])
    ? report('ok', `Node.js ${given} runs this command`)
    : report('error', `Node.js ${given} is too old`, `use Node.js ${MIN_NODE.join('.')} or later`)
}

/**
 * Copies of the package that the application could load from here upwards: two copies do not know of each other's
 * registrations, and have two caches.
 */
export function checkCopies (folder: string): Finding[] {
  const report = reporter('package')
  const copies: string[] = []
  for (let at = resolve(folder); ; at = dirname(at)) {
    const path = join(at, 'node_modules', 'fastify-ip-risk', 'package.json')
    if (existsSync(path)) {
      copies.push(`${(JSON.parse(readFileSync(path, 'utf8')) as { version: string }).version} ` +
      `(${path})`)
    }
    if (at === dirname(at)) break
  }
  if (copies.length > 1) {
    return [report('warning', `there are ${copies.length} copies of the package: ${copies.join(', ')}`,
      'keep one: npm ls fastify-ip-risk shows who asks for which')]
  }
  const other = copies.find(copy => !copy.startsWith(`${version} `))
  return [other === undefined
    ? report('ok', `fastify-ip-risk ${version}`)
    : report('warning', `the application has ${other}, and this command is ${version}`, 'run it with npx in the ' +
      'folder of the application')]
}

/** Mistakes that the plugin would name at boot, and what is allowed and rarely meant. */
export function checkOptions (settings: Settings): Finding[] {
  const report = reporter('options')
  try {
    const { policy, stepUp, mode, enforceShare } = readPluginScope(settings)
    const { warnings } = createClientIpResolver(settings.clientIp as ClientIpOptions | undefined)
    const missing = stepUp === undefined && canStepUp(policy, true)
    return [
      report('ok', 'the options are valid; mode: ' +
        `${enforceShare === undefined ? mode : `enforced for ${enforceShare * 100} %`}`),
      ...missing
        ? [report('warning', 'the policy can decide step_up_auth, and without the option "stepUp" that stops nobody',
            'give "stepUp", or decide elevate_risk or block instead')]
        : [],
      ...warnings.map(warning => report('warning', warning, 'see docs/client-address.md'))
    ]
  } catch (error) {
    return [report('error', messageOf(error), 'correct the option: the plugin refuses it at boot')]
  }
}

interface App { ready (): Promise<unknown>, close (): Promise<unknown>, hasDecorator (name: string): boolean }

function isApp (value: unknown): value is App {
  const { ready, hasDecorator } = (value ?? {}) as Partial<App>
  return typeof ready === 'function' && typeof hasDecorator === 'function'
}

/** Makes the application ready, without listening, and closes it: registrations and routes are checked on the way. */
export async function checkApp (given: unknown, ms: number): Promise<Finding[]> {
  const report = reporter('app')
  let app: unknown
  try {
    app = typeof given === 'function' ? (given as () => unknown)() : given
    // An application is a thenable: awaiting it makes it ready, too.
    if (!isApp(app)) app = await within(ms, Promise.resolve(app))
    if (!isApp(app)) {
      return [report('error', '--app names no Fastify application', 'export the instance before it listens, or a ' +
        'function that returns it')]
    }
    await within(ms, Promise.resolve(app.ready()))
    return [app.hasDecorator('ipRisk')
      ? report('ok', 'the application starts, and the plugin is registered once')
      : report('error', 'the plugin is not registered in the root scope: app.ipRisk is missing', 'await ' +
        'app.register(ipRisk, options) before the routes')]
  } catch (error) {
    const { code } = error as { readonly code?: string }
    return [code === 'FST_IP_RISK_ALREADY_REGISTERED'
      ? report('error', 'the plugin is registered twice in one scope', 'register it once in the root scope, and ' +
        'again only inside a plugin with a scope of its own')
      : report('error', `the application does not start: ${messageOf(error)}`)]
  } finally {
    // What counts was found by then.
    if (isApp(app)) await within(ms, Promise.resolve(app.close())).catch(() => {})
  }
}
