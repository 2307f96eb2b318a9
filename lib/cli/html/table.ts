import { html, type Html, jsonScript } from './html.ts'
import type { Tone } from './charts.ts'

/** Null and an empty string are shown as empty cells, and sorted last. */
export type CellValue = string | number | null

export interface TableColumn {
  readonly name: string
  /**
   * `choice`: few different values, with a filter of its own. `time`: Unix milliseconds, shown in UTC. Default `text`.
   */
  readonly kind?: 'text' | 'number' | 'choice' | 'time'
  /** Colours of a choice's values. */
  readonly tones?: Readonly<Record<string, Tone>>
}

export interface TableOptions {
  /** For tests and links. */
  readonly id: string
  /** Shown above the table. */
  readonly caption: string
  readonly columns: readonly TableColumn[]
  /** In the order shown first. */
  readonly rows: readonly (readonly CellValue[])[]
}

/**
 * A table that sorts by a click on a column's name, and filters by text and by the values of each choice. The rows are
 * data, not markup: the script of the page writes them as text.
 */
export function dataTable ({ id, caption, columns, rows }: TableOptions): Html {
  const note = html`<noscript><p>This table needs JavaScript, which is part of this file.</p></noscript>`
  return html`<div class="table" id="${id}" data-table>${jsonScript({ caption, columns, rows })}${note}</div>`
}
