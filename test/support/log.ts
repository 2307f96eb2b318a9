import type { IpRiskLogger } from '../../types/contract.ts'

export interface LogLine { readonly level: string, readonly fields: object, readonly message: string | undefined }

/** Keeps every line, as text too. */
export function memoryLog (): IpRiskLogger & { readonly lines: LogLine[], text (): string } {
  const lines: LogLine[] = []
  const at = (level: string) => (fields: object, message?: string): void => { lines.push({ level, fields, message }) }
  return { lines, text: () => JSON.stringify(lines), debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') }
}

export interface KeptLog extends IpRiskLogger {
  /** `level: message`, in order. */
  readonly lines: string[]
  /** Everything that was logged, as text: for what must not stand in it. */
  text (): string
}

export function keptLog (): KeptLog {
  const lines: string[] = []
  const all: unknown[] = []
  const at = (level: string) => (fields: object, message?: string): void => {
    lines.push(`${level}: ${message}`)
    all.push(fields, message)
  }
  return { lines, text: () => JSON.stringify(all), debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') }
}
