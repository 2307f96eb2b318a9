import t from 'tap'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import ts from 'typescript'
import Fastify from 'fastify'
import ipRisk, { createIpRisk } from '../lib/index.ts'
import { logCodes } from '../lib/log-codes.ts'
import type { Decision } from '../types/contract.ts'
import { heldProvider, testEngine } from './support/engine.ts'
import { memoryLog } from './support/log.ts'
import { answer, visitorProvider, visitors } from './support/table-provider.ts'

const lib = fileURLToPath(new URL('../lib/', import.meta.url))
/** Standard output of the command line is no log. */
const pending = /^(plugin|record)\.ts$|^(client-ip|redis)\/|^header-lines\.ts$|^guard\/(guard|fleet-quota)\.ts$/
const sources = readdirSync(lib, { recursive: true, encoding: 'utf8' }).filter(name => name.endsWith('.ts') && !name.startsWith('cli/') && !pending.test(name))

interface Line { readonly at: string, readonly code: string | null }

/** Every call of `warn` and `error` on something that may be a logger, with the literal of its `code`. */
function logLines (file: string): Line[] {
  const source = ts.createSourceFile(file, readFileSync(join(lib, file), 'utf8'), ts.ScriptTarget.Latest, true)
  const found: Line[] = []
  const visit = (node: ts.Node): void => {
    ts.forEachChild(node, visit)
    if (!ts.isCallExpression(node) || !ts.isPropertyAccessExpression(node.expression)) return
    if (!['warn', 'error'].includes(node.expression.name.text)) return
    const { line } = source.getLineAndCharacterOfPosition(node.getStart())
    found.push({ at: `lib/${file}:${line + 1}`, code: codeOf(node.arguments[0], source) })
  }
  visit(source)
  return found
}

/** Of `{ code: 'IP_RISK_…', … }`, or of a constant of the same file that is such an object. */
function codeOf (fields: ts.Node | undefined, source: ts.SourceFile): string | null {
  if (fields !== undefined && ts.isIdentifier(fields)) {
    let value: ts.Node | undefined
    const visit = (node: ts.Node): void => {
      if (ts.isVariableDeclaration(node) && node.name.getText() === fields.text && node.pos < fields.pos) value = node.initializer
      ts.forEachChild(node, visit)
    }
    visit(source)
    return value !== undefined && ts.isObjectLiteralExpression(value) ? codeOf(value, source) : null
  }
  if (fields === undefined || !ts.isObjectLiteralExpression(fields)) return null
  for (const property of fields.properties) {
    if (ts.isPropertyAssignment(property) && property.name.getText() === 'code' && ts.isStringLiteral(property.initializer)) return property.initializer.text
  }
  return null
}

t.test('every warning and every error carries a code, and lib/log-codes.ts lists them all', async t => {
  const lines = sources.flatMap(logLines)
  t.ok(lines.length > 20)
  t.same(lines.filter(({ code }) => code === null || !/^IP_RISK(_[A-Z]+){2,}$/.test(code)).map(({ at }) => at), [], 'no code')
  t.same([...new Set(lines.map(({ code }) => code))].sort(), [...logCodes].sort())
  t.same([...logCodes].sort(), logCodes, 'the list is sorted')
})

t.test('a call without a code is seen', async t => {
  const source = (text: string): ts.SourceFile => ts.createSourceFile('x.ts', text, ts.ScriptTarget.Latest, true)
  const first = (text: string): string | null => {
    const file = source(text)
    const call = (file.statements.at(-1) as ts.ExpressionStatement).expression as ts.CallExpression
    return codeOf(call.arguments[0], file)
  }
  t.equal(first('log.warn({ code: \'IP_RISK_X_Y\' }, \'x\')'), 'IP_RISK_X_Y')
  t.equal(first('const fields = { code: \'IP_RISK_X_Y\', a }; log?.error(fields, \'x\')'), 'IP_RISK_X_Y')
  for (const text of ['log.warn({}, \'x\')', 'log.warn({ code }, \'x\')', 'log.warn(fields, \'x\')', 'log.warn(\'x\')', 'log.warn()']) t.equal(first(text), null, text)
})

t.test('a policy function that keeps failing is one line, whether it throws or decides nothing, and though it works in between', async t => {
  for (const policy of [() => { throw new Error('no store') }, () => 'maybe' as Decision]) {
    const log = memoryLog()
    let works = false
    const engine = createIpRisk({ provider: visitorProvider(), log, policy: () => works ? 'allow' : policy() })
    const request = { socket: { remoteAddress: visitors.clean }, headers: {}, rawHeaders: [], method: 'POST' }
    for (let i = 0; i < 20; i++) {
      works = i % 3 === 0
      await engine.check(request, 'signup')
    }
    t.match(log.lines.filter(({ level }) => level === 'error'), [{ fields: { code: 'IP_RISK_POLICY_FUNCTION_FAILED' } }])
    t.equal(log.lines.filter(({ level }) => level === 'error').length, 1)
    await engine.close()
  }
})

t.test('an isSatisfied that keeps failing is one line', async t => {
  const lines: { level: number, code?: string }[] = []
  const app = Fastify({ logger: { level: 'warn', stream: { write: (line: string) => { lines.push(JSON.parse(line)) } } } })
  t.teardown(() => app.close())
  await app.register(ipRisk, { provider: visitorProvider(), stepUp: { isSatisfied: () => { throw new Error('no store') } } })
  app.post('/', { config: { ipRisk: 'payment' } }, async () => ({}))
  for (let i = 0; i < 5; i++) t.equal((await app.inject({ method: 'POST', url: '/', remoteAddress: visitors.vpn_likely })).statusCode, 401)
  t.same(lines.filter(({ level }) => level >= 40).map(({ code }) => code), ['IP_RISK_STEP_UP_FAILED'])
})

t.test('a provider that is slower than every request waits is one line', async t => {
  const provider = heldProvider(async () => answer('clean'))
  const { engine, ask, log } = await testEngine(t, { provider })
  const late = async (ip: string): Promise<void> => {
    t.equal((await ask(ip, 'wait', { timeoutMs: 1 })).answer.verdict, 'unknown')
    provider.release()
    while ((await ask(ip, 'cache')).answer.verdict === 'unknown') await new Promise(resolve => setImmediate(resolve))
  }
  for (let i = 0; i < 12; i++) await late(`192.0.2.${i}`)
  t.equal(log.lines.filter(line => /later than any request waited/.test(line)).length, 1, log.lines.join())
  t.match(log.text(), /IP_RISK_PROVIDER_LATE/)
  await engine.close()
})
