import type { IpRiskLogger } from '../../types/contract.ts'
import { until } from './until.ts'

export interface LogLine { readonly level: string, readonly fields: Record<string, unknown>, readonly message: string }

export interface MemoryLog extends IpRiskLogger {
  readonly lines: LogLine[]
  /** `level: message`, in order. */
  readonly messages: readonly string[]
  /** Everything that was logged, as text: for what must not be in it. */
  text (): string
  /** The first line whose message contains the text; waits for it. */
  logged (text: string): Promise<LogLine>
}

export function memoryLog (): MemoryLog {
  const lines: LogLine[] = []
  const at = (level: string) => (fields: object, message = ''): void => { lines.push({ level, fields: fields as LogLine['fields'], message }) }
  return {
    lines,
    get messages () { return lines.map(({ level, message }) => `${level}: ${message}`) },
    text: () => JSON.stringify(lines),
    async logged (text) {
      const find = (): LogLine | undefined => lines.find(({ message }) => message.includes(text))
      await until(() => find() !== undefined)
      return find()!
    },
    debug: at('debug'),
    info: at('info'),
    warn: at('warn'),
    error: at('error')
  }
}

/** Fastify's option `logger`, and what pino wrote. */
export function pinoLog<Line = Record<string, any>> (level = 'warn') {
  const lines: Line[] = []
  return { lines, logger: { level, stream: { write: (line: string): void => { lines.push(JSON.parse(line)) } } } }
}
