import t from 'tap'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import ts from 'typescript'
import Fastify from 'fastify'
import ipRisk, { createIpRisk } from '../lib/index.ts'
import type { Decision } from '../types/contract.ts'
import { heldProvider, testEngine } from './support/engine.ts'
import { memoryLog, pinoLog } from './support/log.ts'
import { answer, visitorProvider, visitors } from './support/table-provider.ts'

const lib = fileURLToPath(new URL('../lib/', import.meta.url))
/** Standard output of the command line is no log. */
const sources = readdirSync(lib, { recursive: true, encoding: 'utf8' }).filter(name => name.endsWith('.ts') && !name.startsWith('cli/'))
const parse = (text: string): ts.SourceFile => ts.createSourceFile('x.ts', text, ts.ScriptTarget.Latest, true)

function each (node: ts.Node, see: (node: ts.Node) => void): void {
  see(node)
  ts.forEachChild(node, child => each(child, see))
}

/** The lines of calls of `warn` and `error`, on whatever, whose first argument is no object with a `code` and no constant of that kind. */
function linesWithoutCode (source: ts.SourceFile): number[] {
  const coded = new Set<string>()
  each(source, node => {
    if (ts.isVariableDeclaration(node) && node.initializer !== undefined && hasCode(node.initializer)) coded.add(node.name.getText())
  })
  const found: number[] = []
  each(source, node => {
    if (!ts.isCallExpression(node) || !ts.isPropertyAccessExpression(node.expression)) return
    if (!['warn', 'error'].includes(node.expression.name.text)) return
    const [fields] = node.arguments
    if (fields !== undefined && (hasCode(fields) || (ts.isIdentifier(fields) && coded.has(fields.text)))) return
    found.push(source.getLineAndCharacterOfPosition(node.getStart()).line + 1)
  })
  return found
}

function hasCode (node: ts.Node): boolean {
  return ts.isObjectLiteralExpression(node) && node.properties.some(property => property.name?.getText() === 'code')
}

/** Every string that is a code, wherever it stands: some are handed to a function that logs. */
function codesIn (source: ts.SourceFile): string[] {
  const found: string[] = []
  each(source, node => { if (ts.isStringLiteral(node) && node.text.startsWith('IP_RISK_')) found.push(node.text) })
  return found
}

t.test('every warning and every error carries a code', async t => {
  const parsed = sources.map(file => ({ file, source: parse(readFileSync(join(lib, file), 'utf8')) }))
  t.same(parsed.flatMap(({ file, source }) => linesWithoutCode(source).map(line => `lib/${file}:${line}`)), [], 'lines without a code')
  const codes = parsed.flatMap(({ source }) => codesIn(source))
  t.ok(codes.length > 20)
  t.same(codes.filter(code => !/^IP_RISK(_[A-Z\d]+){2,}$/.test(code)), [])
})

t.test('a line without a code is seen', async t => {
  for (const text of [
    'log.warn({ code: \'IP_RISK_X_Y\' }, \'x\')', 'const f = { code: \'IP_RISK_X_Y\' }; log?.error(f, \'x\')', 'say.warn({ code, a }, \'x\')'
  ]) {
    t.same(linesWithoutCode(parse(text)), [], text)
  }
  for (const text of ['log.warn({}, \'x\')', 'log.warn({ ...code }, \'x\')', 'log?.error(fields, \'x\')', 'log.warn(\'x\')', 'a.b.log.warn()']) {
    t.same(linesWithoutCode(parse(text)), [1], text)
  }
  t.same(codesIn(parse('say(\'IP_RISK_X_Y\', \'other\')')), ['IP_RISK_X_Y'])
})

t.test('a policy function that keeps failing is one line, whether it throws or decides nothing, and though it works in between', async t => {
  for (const policy of [() => { throw new Error('no store') }, () => 'maybe' as Decision]) {
    const log = memoryLog()
    let works = false
    const engine = createIpRisk({ provider: visitorProvider(), log, policy: () => works ? 'allow' : policy() })
    const request = { socket: { remoteAddress: visitors.clean }, headers: {}, rawHeaders: [], method: 'POST' }
    for (let i = 0; i < 20; i++) {
      works = i % 3 === 0
      await engine.assess(request, 'signup')
    }
    t.match(log.lines.filter(({ level }) => level === 'error'), [{ fields: { code: 'IP_RISK_POLICY_FUNCTION_FAILED' } }])
    t.equal(log.lines.filter(({ level }) => level === 'error').length, 1)
    await engine.close()
  }
})

t.test('an isSatisfied that keeps failing is one line', async t => {
  const { lines, logger } = pinoLog()
  const app = Fastify({ logger })
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
    // A timer may fire before the clock has reached its millisecond, and then the answer would not be late.
    const passedMs = Date.now() + 2
    while (Date.now() < passedMs) await new Promise(resolve => setImmediate(resolve))
    provider.release()
    while ((await ask(ip, 'cache')).answer.verdict === 'unknown') await new Promise(resolve => setImmediate(resolve))
  }
  for (let i = 0; i < 12; i++) await late(`192.0.2.${i}`)
  t.equal(log.messages.filter(line => /later than any request waited/.test(line)).length, 1, log.messages.join())
  t.match(log.text(), /IP_RISK_PROVIDER_LATE/)
  await engine.close()
})
