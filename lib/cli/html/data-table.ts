import { html, type Html, trusted } from '../../util/index.ts'
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
 * data, not markup: `dataTableScript` writes them as text. Give the page `dataTableScript` and `dataTableStyle`.
 */
export function dataTable ({ id, caption, columns, rows }: TableOptions): Html {
  const note = html`<noscript><p>This table needs JavaScript, which is part of this file.</p></noscript>`
  // Without "<", nothing in the data can end the script element or begin a comment.
  const data = JSON.stringify({ caption, columns, rows }).replaceAll('<', '\\u003c')
  const content = html`<script type="application/json">${trusted(data)}</script>${note}`
  return html`<div class="scroll" id="${id}" data-table>${content}</div>`
}

/** Beside `pageStyle`. */
export const dataTableStyle: string = `
.tools{display:flex;flex-wrap:wrap;gap:.75rem;align-items:center;margin:.5rem 0}.tools label{font-weight:400}
th button{border:0;padding:0;background:none;font-weight:600;cursor:pointer}
th[aria-sort=ascending] button::after{content:' ▲'}th[aria-sort=descending] button::after{content:' ▼'}
.dot{display:inline-block;width:.7rem;height:.7rem;border-radius:50%;margin-right:.35rem;background:var(--plain)}
${['allow', 'flag', 'step', 'block'].map(tone => `.dot.tone-${tone}{background:var(--${tone})}`).join('')}
@media print{.tools{display:none}}
`
