import { dirname } from 'node:path'
import type { EngineOptions, Provider } from '../../../types/contract.ts'
import { defaultCacheFolder } from '../../lists/index.ts'
import { type Command, command, EXIT, UsageError } from '../command.ts'
import { type Io, painter, plainText } from '../io.ts'
import { chosenProvider, DEFAULT_TIMEOUT_MS, providerOptions } from '../provider.ts'
import { importModule, optionsIn, type Settings } from '../settings.ts'
import { checked, type Finding, reporter } from './finding.ts'
import { checkProvider } from './provider.ts'
import { checkProxies } from './proxies.ts'
import { checkRedis } from './redis.ts'
import { checkApp, checkCopies, checkNode, checkOptions } from './runtime.ts'
import { redactor, secretsIn } from './secrets.ts'

export const doctor: Command = command({
  usage: '[SETTINGS] [options]',
  about: 'Checks what a setup gets wrong: Node.js, copies of the package, options, Redis (version, rights, clock, ' +
    'memory policy), provider and data, and the proxies in front. SETTINGS is a module that exports the plugin\'s ' +
    'options as ipRiskOptions or default.',
  options: {
    export: { value: 'NAME', help: 'SETTINGS: the name of the export with the options' },
    app: { value: 'NAME', help: 'SETTINGS: the export with the Fastify app, or a function' },
    url: { value: 'URL', help: 'a route that returns app.ipRisk.explain(request)' },
    header: { value: 'HEADER', many: true, help: '--url: "name: value", for a login; may be repeated' },
    offline: { help: 'do not call the provider' },
    'timeout-ms': { value: 'N', integer: [100, 60_000], help: 'longest wait for each step; default 3000' },
    provider: providerOptions.provider,
    redis: providerOptions.redis,
    'key-prefix': { value: 'TEXT', help: 'cache.keyPrefix, with --redis' },
    json: { help: 'one JSON object for each finding' }
  },
  notes: 'It makes one call to the provider, for 1.1.1.1, and writes only short-lived keys of its own to Redis. It ' +
    'prints no secret. SETTINGS is executed.\n' +
    'Exit code 1: at least one warning or error. 2: the command line is wrong, or SETTINGS cannot be read.',
  async run ({ values, positionals: [path, ...more] }, io) {
    if (more.length > 0) throw new UsageError('doctor takes one module with settings')
    if (path === undefined && (values.export !== undefined || values.app !== undefined)) {
      throw new UsageError('--export and --app need SETTINGS')
    }
    const headers = values.header.map(headerOf)
    const url = values.url === undefined ? undefined : urlOf(values.url)
    const module = path === undefined ? undefined : await importModule(path)
    const settings = module === undefined ? {} : optionsIn(path!, module, values.export)
    const hide = redactor([...secretsIn(settings), ...secretsIn(values.redis), ...headers.map(([, value]) => value)])
    const stepMs = values['timeout-ms'] ?? 3_000
    const providerMs = values['timeout-ms'] ?? DEFAULT_TIMEOUT_MS
    const redis = values.redis ?? settings.redis
    const found = await Promise.all([
      checkNode(),
      checkCopies(path === undefined ? '.' : dirname(path)),
      module === undefined ? [] : checkOptions(settings),
      values.app === undefined ? [] : checked('app', 4 * stepMs, () => checkApp(module![values.app!], stepMs)),
      redis === undefined
        ? [reporter('redis')('skipped', 'no Redis is configured: each process has its own cache and quota')]
        : checked('redis', 10 * stepMs, () => (
          checkRedis({ redis, stepMs, ...cacheOf(settings, values['key-prefix'], path) }))),
      checked('provider', 2 * providerMs, () => checkProvider({
        provider: providerOf(values.provider, settings, io),
        cacheFolder: defaultCacheFolder(io.env),
        offline: values.offline,
        timeoutMs: providerMs
      })),
      url === undefined
        ? [reporter('proxies')('skipped', 'the proxies were not tried: add a route that returns ' +
          'app.ipRisk.explain(request)' +
          ', and give it as --url')]
        : checked('proxies', 12 * stepMs, () => checkProxies({ url, headers, stepMs }))
    ])
    const findings = found.flat().map(finding => ({
      ...finding,
      message: hide(finding.message),
      ...finding.fix !== undefined && { fix: hide(finding.fix) }
    }))
    for (const line of values.json ? findings.map(one => JSON.stringify(one)) : linesOf(findings, io)) io.out(line)
    return findings.some(({ level }) => level === 'warning' || level === 'error') ? EXIT.failure : EXIT.ok
  }
})

function headerOf (text: string): readonly [string, string] {
  const [, name, value] = /^([!#$%&'*+.^_`|~\w-]+):\s*(.*)$/.exec(text) ?? []
  if (name === undefined || value === undefined) throw new UsageError('--header must be like "cookie: session=…"')
  return [name, value]
}

function urlOf (text: string): string {
  if (!URL.canParse(text) || !/^https?:$/.test(new URL(text).protocol)) {
    throw new UsageError('--url must be a URL of http or https')
  }
  const { username, password } = new URL(text)
  if (username !== '' || password !== '') {
    throw new UsageError('--url must be without user and password: give --header "authorization: Basic …"')
  }
  return text
}

function cacheOf (
  { cache }: Settings, keyPrefix: string | undefined, path: string | undefined
): { readonly keyPrefix: string, readonly hasSecret: boolean } {
  const given = cache as EngineOptions['cache']
  return {
    keyPrefix: keyPrefix ?? given?.keyPrefix ?? '',
    // Without settings, nobody knows what the application has.
    hasSecret: path === undefined || given?.keySecret !== undefined
  }
}

function providerOf (name: string | undefined, settings: Settings, io: Io): Provider | undefined {
  return name === undefined ? settings.provider : chosenProvider({ provider: name }, io)
}

const marks = { ok: 'ok', skipped: '-', warning: 'warning', error: 'error' } as const
const colours = { ok: 'green', skipped: 'gray', warning: 'yellow', error: 'red' } as const

function linesOf (findings: readonly Finding[], io: Io): string[] {
  const paint = painter(io.stdout, io.env)
  const lines = findings.flatMap(({ check, level, message, fix }) => [
    `${paint(colours[level], marks[level].padEnd(7))}  ${check.padEnd(8)}  ${plainText(message)}`,
    ...fix === undefined || level === 'skipped' ? [] : [`${' '.repeat(19)}fix: ${plainText(fix)}`]
  ])
  const bad = findings.filter(({ level }) => level === 'warning' || level === 'error').length
  return [...lines, bad === 0 ? 'nothing to correct' : `${bad} ${bad === 1 ? 'finding' : 'findings'} to correct`]
}
