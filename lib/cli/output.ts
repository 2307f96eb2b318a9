import { styleText } from 'node:util'
import type { Io, Output } from './io.ts'

type Style = Parameters<typeof styleText>[0]

/** Colours a text for a stream: only on a terminal, and not with `NO_COLOR` (https://no-color.org) or `TERM=dumb`. */
export function painter (stream: Output, env: Io['env']): (style: Style, text: string) => string {
  const colours = stream.isTTY === true && (env['NO_COLOR'] ?? '') === '' && env['TERM'] !== 'dumb'
  return (style, text) => colours ? styleText(style, text, { validateStream: false }) : text
}

/** A list or a provider wrote some of what is shown: it must neither break a line nor control the terminal. */
export function plainText (text: string): string {
  return text.replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, ' ')
}

export interface Column {
  readonly align?: 'left' | 'right'
  /** Longer cells are cut, and end with "…". */
  readonly max?: number
}

/** Rows of equal length as lines with aligned columns; a column that is empty in every row is left out. */
export function alignedRows (rows: readonly (readonly string[])[], columns: readonly Column[] = []): string[] {
  const cells = rows.map(row => row.map((cell, i) => cut(plainText(cell), columns[i]?.max)))
  const widths = (cells[0] ?? []).map((_, i) => cells.reduce((width, row) => Math.max(width, row[i]!.length), 0))
  return cells.map(row => row.flatMap((cell, i) => {
    if (widths[i] === 0) return []
    return columns[i]?.align === 'right' ? cell.padStart(widths[i]!) : cell.padEnd(widths[i]!)
  }).join('  ').trimEnd())
}

function cut (text: string, max = Infinity): string {
  return text.length <= max ? text : `${text.slice(0, max - 1)}…`
}
