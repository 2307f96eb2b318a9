import { html, type Html } from '../../util/index.ts'

/** The colours of `pageStyle`: by what a row would mean for a visitor. */
export type Tone = 'allow' | 'flag' | 'step' | 'block' | 'plain'

export interface ChartPart {
  readonly label: string
  readonly tone: Tone
  /** 0 or more. */
  readonly value: number
}

export interface BarRow {
  readonly label: string
  readonly parts: readonly ChartPart[]
}

const WIDTH = 720
const LABELS = 220
const BAR = 22

/** Horizontal bars, each made of parts, with their sum beside them. */
export function barChart ({ title, rows }: { readonly title: string, readonly rows: readonly BarRow[] }): Html {
  const sums = rows.map(({ parts }) => parts.reduce((sum, { value }) => sum + value, 0))
  const scale = (WIDTH - LABELS - 80) / Math.max(1, ...sums)
  const bars = rows.map(({ label, parts }, i) => {
    let x = LABELS
    const y = i * BAR
    const rects = parts.filter(({ value }) => value > 0).map(({ label: part, tone, value }) => {
      const place = html`x="${at(x)}" y="${y + 3}" width="${at(value * scale)}" height="${BAR - 6}"`
      x += value * scale
      return html`<rect class="tone-${tone}" ${place}><title>${label}: ${part} ${shownNumber(value)}</title></rect>`
    })
    return [
      text(LABELS - 8, y + 15, shortened(label), 'end'), rects, text(x + 6, y + 15, shownNumber(sums[i]!))
    ]
  })
  return figure(title, rows.flatMap(({ parts }) => parts), svg(title, Math.max(1, rows.length) * BAR, bars.flat()))
}

export interface LineSeries {
  readonly label: string
  readonly tone: Tone
  /** A point whose y is not finite is left out. */
  readonly points: readonly (readonly [x: number, y: number])[]
}

/** Lines over a common axis, for example precision over a threshold. Both axes include 0. */
export function lineChart (
  { title, xLabel, series }: { readonly title: string, readonly xLabel: string, readonly series: readonly LineSeries[] }
): Html {
  const lines = series.map(line => ({ ...line, points: line.points.filter(point => point.every(Number.isFinite)) }))
  const points = lines.flatMap(line => line.points)
  const [height, left] = [220, 60]
  const end = (axis: 0 | 1, pick: (...values: number[]) => number): number =>
    points.reduce((best, point) => pick(best, point[axis]), 0)
  const [xMin, xMax, yMin, yMax] = [end(0, Math.min), end(0, Math.max), end(1, Math.min), end(1, Math.max)]
  const px = (x: number): number => left + (x - xMin) / (xMax - xMin || 1) * (WIDTH - left - 10)
  const py = (y: number): number => height - (y - yMin) / (yMax - yMin || 1) * (height - 10)
  const drawn = lines.map(({ label, tone, points }) => {
    const corners = points.map(([x, y]) => `${at(px(x))},${at(py(y))}`).join(' ')
    const dots = points.map(([x, y]) => html`<circle class="tone-${tone}" cx="${at(px(x))}" cy="${at(py(y))}" r="3">${
      html`<title>${label}: ${shownNumber(y)} at ${shownNumber(x)}</title>`}</circle>`)
    return html`<polyline class="tone-${tone}" points="${corners}"></polyline>${dots}`
  })
  const axes = [
    text(left - 6, 14, shownNumber(yMax), 'end'), text(left - 6, height, shownNumber(yMin), 'end'),
    text(left, height + 16, shownNumber(xMin)), text(WIDTH, height + 16, `${xLabel} ${shownNumber(xMax)}`, 'end')
  ]
  const parts = lines.map(({ label, tone, points }) => ({ label, tone, value: points.length }))
  return figure(title, parts, svg(title, height + 20, [...drawn, ...axes]))
}

/** Of these charts, beside `pageStyle`. */
export const chartStyle: string = `
svg text{fill:var(--fg);font-size:12px}
polyline{fill:none;stroke:var(--plain);stroke-width:2}circle{fill:var(--plain)}
${['allow', 'flag', 'step', 'block'].map(tone => (
  `polyline.tone-${tone}{stroke:var(--${tone})}circle.tone-${tone}{fill:var(--${tone})}`
)).join('\n')}
polyline[class]{fill:none}
`

/** 1234567.891 as "1,234,568"; below 10, two decimals are kept. */
export function shownNumber (value: number): string {
  return value.toLocaleString('en-US', { maximumFractionDigits: Math.abs(value) < 10 ? 2 : 0 })
}

function svg (title: string, height: number, content: readonly (Html | readonly Html[])[]): Html {
  return html`<svg role="img" aria-label="${title}" viewBox="0 0 ${WIDTH} ${height}">${content}</svg>`
}

function text (x: number, y: number, content: string, anchor = 'start'): Html {
  return html`<text text-anchor="${anchor}" x="${at(x)}" y="${at(y)}">${content}</text>`
}

/** The legend names each label once, in the order of first use. */
function figure (title: string, parts: readonly ChartPart[], content: Html): Html {
  const tones = new Map(parts.filter(({ value }) => value > 0).map(({ label, tone }) => [label, tone]))
  const entries = [...tones].map(([label, tone]) => html`<li><svg viewBox="0 0 10 10" aria-hidden="true">${
    html`<rect class="tone-${tone}" width="10" height="10"/>`}</svg> ${label}</li>`)
  const legend = entries.length > 0 ? html`<ul class="legend">${entries}</ul>` : html`<p>No data.</p>`
  return html`<figure><figcaption>${title}</figcaption>${content}${legend}</figure>`
}

function at (value: number): number {
  return Math.round(value * 10) / 10
}

function shortened (label: string): string {
  return label.length > 30 ? `${label.slice(0, 29)}…` : label
}
