import { createHash } from 'node:crypto'

/** Text of HTML whose values are escaped already. Only `html` and the functions of this file make it. */
export interface Html { readonly markup: string }
type Value = Html | string | number | null | undefined | false | readonly Value[]

const escapes: Readonly<Record<string, string>> = {
  '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;'
}

function escapeHtml (text: string): string {
  return text.replaceAll(/[&<>"']/g, character => escapes[character]!)
}

function markupOf (value: Value): string {
  if (value === null || value === undefined || value === false) return ''
  if (typeof value === 'object') return 'markup' in value ? value.markup : value.map(markupOf).join('')
  return escapeHtml(String(value))
}

/**
 * A template tag. Every value is escaped, except what is `Html` already. Arrays are joined; null, undefined and false
 * are left out.
 */
export function html (strings: TemplateStringsArray, ...values: readonly Value[]): Html {
  return { markup: strings.reduce((text, part, i) => text + markupOf(values[i - 1]) + part) }
}

/** Markup that is trusted as it is: a constant of this package, never text from outside. */
export function trusted (markup: string): Html {
  return { markup }
}

interface Page {
  readonly title: string
  readonly body: Html
  /** CSS and JavaScript of this package. Both are inline, so that the page is one file. */
  readonly style?: string
  readonly script?: string
  /**
   * For `style-src` and `script-src` of a Content-Security-Policy header. Without it, the page has a policy of its own:
   * its style and script by their hashes, and nothing else, so that no markup in its data can run or load anything.
   */
  readonly nonce?: string
}

/** A whole document in one file: no address of anything outside is in it. */
export function page ({ title, body, style = '', script = '', nonce }: Page): string {
  const attribute = nonce === undefined ? html`` : html` nonce="${nonce}"`
  const policy = nonce === undefined &&
    html`<meta http-equiv="content-security-policy" content="${ownPolicy(pageStyle + style, script)}">`
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
${policy}
<meta name="robots" content="noindex">
<title>${title}</title>
<style${attribute}>${trusted(pageStyle + style)}</style>
</head>
<body>
${body}
${script !== '' && html`<script${attribute}>${trusted(script)}</script>`}
</body>
</html>
`.markup
}

function ownPolicy (style: string, script: string): string {
  const source = (text: string): string => `'sha256-${createHash('sha256').update(text).digest('base64')}'`
  const sources = `style-src ${source(style)}; script-src ${source(script)}`
  return `default-src 'none'; ${sources}; base-uri 'none'; form-action 'none'`
}

export interface Column<Row> {
  readonly head: string
  readonly cell: (row: Row) => Value
  /** Right-aligned. Default false. */
  readonly numeric?: boolean
}

interface Table<Row> {
  /** Names the table for everybody, screen readers included. */
  readonly caption: string
  readonly columns: readonly Column<Row>[]
  readonly rows: readonly Row[]
  /** Shown instead of rows when there are none. */
  readonly empty?: string
}

/** A table whose first column names its rows. Wide ones scroll by keyboard, too. */
export function table<Row> ({ caption, columns, rows, empty = 'Nothing yet' }: Table<Row>): Html {
  const numeric = (column: Column<Row>): Html | false => column.numeric === true && html` class="number"`
  const line = (row: Row): Html => html`<tr>${columns.map((column, i) => i === 0
    ? html`<th scope="row"${numeric(column)}>${column.cell(row)}</th>`
    : html`<td${numeric(column)}>${column.cell(row)}</td>`)}</tr>\n`
  return html`<div class="scroll" role="region" aria-label="${caption}" tabindex="0"><table>
<caption>${caption}</caption>
<thead><tr>${columns.map(column => html`<th scope="col"${numeric(column)}>${column.head}</th>`)}</tr></thead>
<tbody>
${rows.length === 0 ? html`<tr><td colspan="${columns.length}">${empty}</td></tr>` : rows.map(line)}</tbody>
</table></div>`
}

/** The share of a bar, as a cell of a table: the number beside it says the same. */
export function bar (value: number, max: number, tone = ''): Html {
  const width = max <= 0 ? 0 : Math.round(1000 * Math.min(1, value / max)) / 10
  return html`<svg class="bar" viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true"><rect
 class="tone-${tone}" width="${width}" height="10"/></svg>`
}

export interface TimeChart {
  readonly title: string
  /** From the bottom of each column to its top. `tone` is one of the classes of `pageStyle`. */
  readonly series: readonly { readonly name: string, readonly tone: string, readonly values: readonly number[] }[]
  /** What the first and the last column are called. */
  readonly from: string
  readonly to: string
}

/** Stacked columns over time, with a legend. Its label has the totals, and so do the tables beside it. */
export function timeChart ({ title, series, from, to }: TimeChart): Html {
  const length = Math.max(1, ...series.map(({ values }) => values.length))
  const totals = Array.from({ length }, (_, i) => series.reduce((sum, { values }) => sum + (values[i] ?? 0), 0))
  const max = Math.max(1, ...totals)
  const width = 720 / length
  const columns = Array.from({ length }, (_, i) => {
    let y = 160
    return series.map(({ tone, values }) => {
      const height = Math.round(1600 * (values[i] ?? 0) / max) / 10
      y -= height
      return height > 0 && html`<rect class="tone-${tone}" x="${round(i * width)}" y="${round(y)}" width="${
        round(width * 0.9)}" height="${height}"/>`
    })
  })
  const sums = series.map(({ name, values }) => `${name} ${values.reduce((sum, value) => sum + value, 0)}`).join(', ')
  return html`<figure>
<figcaption>${title}</figcaption>
<svg class="chart" viewBox="0 0 720 160" role="img" aria-label="${title}: ${sums}">${columns}</svg>
<p class="axis"><span>${from}</span><span>highest ${max}</span><span>${to}</span></p>
<ul class="legend">${series.map(({ name, tone }) => html`<li><svg viewBox="0 0 10 10" aria-hidden="true"><rect
 class="tone-${tone}" width="10" height="10"/></svg> ${name}</li>`)}</ul>
</figure>`
}

function round (value: number): number {
  return Math.round(value * 100) / 100
}

/** Contrast of text is at least 7 to 1 on either background (WCAG 2.2, AAA); of bars at least 3 to 1. */
const pageStyle = `
:root{color-scheme:light dark;--fg:#1b1f24;--bg:#fff;--soft:#f3f4f6;--line:#8a929c;--link:#0b3d91;
--allow:#2e7d4f;--flag:#8a6d00;--step:#b3541e;--block:#b3202c;--plain:#4a6078}
@media (prefers-color-scheme:dark){:root{--fg:#f0f2f4;--bg:#14171a;--soft:#22272c;--line:#828b95;--link:#a9c7ff;
--allow:#6cc28f;--flag:#d9b93c;--step:#f0965a;--block:#ff7b84;--plain:#9db4cc}}
*{box-sizing:border-box}
body{margin:0 auto;max-width:72rem;padding:1rem;font:16px/1.5 system-ui,sans-serif;color:var(--fg);background:var(--bg)}
h1{font-size:1.5rem}h2{font-size:1.2rem;margin-top:2rem}a{color:var(--link)}
table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums}
caption,figcaption{text-align:left;font-weight:600;padding:.5rem 0}
th,td{padding:.3rem .6rem;text-align:left;border-bottom:1px solid var(--line);vertical-align:top;overflow-wrap:anywhere}
thead th{background:var(--soft)}tbody th{font-weight:400}
.number{text-align:right}.scroll{overflow-x:auto}figure{margin:1rem 0}
.bar{width:8rem;height:.8rem}.chart{width:100%;height:auto;background:var(--soft)}
.axis{display:flex;justify-content:space-between;margin:0}
.legend{list-style:none;display:flex;flex-wrap:wrap;gap:.2rem 1rem;padding:0;margin:.3rem 0}
.legend svg{width:.8rem;height:.8rem}
rect{fill:var(--plain)}.tone-allow{fill:var(--allow)}.tone-flag{fill:var(--flag)}
.tone-step{fill:var(--step)}.tone-block{fill:var(--block)}
:focus-visible{outline:3px solid var(--link);outline-offset:2px}
button,input,textarea,select{font:inherit;color:inherit;background:var(--bg);border:1px solid var(--line)}
button,input,textarea,select{padding:.3rem .6rem}
label{display:block;font-weight:600}textarea{width:100%;min-height:8rem;font-family:ui-monospace,monospace}
@media print{body{max-width:none}}
`
