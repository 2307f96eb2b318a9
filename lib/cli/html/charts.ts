import { html, type Html, shownNumber } from './html.ts'

/** Colours by meaning, then colours that only tell series apart. They suit light and dark pages. */
export type Tone = 'good' | 'neutral' | 'notice' | 'warning' | 'danger' | 'one' | 'two' | 'three'

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
const LABELS = 210
const BAR = 22

/** Horizontal bars, each made of parts, with their sum beside them. */
export function barChart ({ title, rows }: { readonly title: string, readonly rows: readonly BarRow[] }): Html {
  if (rows.length === 0) return figure(title, [], html`<p>No data.</p>`)
  const sums = rows.map(({ parts }) => parts.reduce((sum, { value }) => sum + value, 0))
  const scale = (WIDTH - LABELS - 80) / Math.max(1, ...sums)
  const bars = rows.map(({ label, parts }, i) => {
    let x = LABELS
    const y = i * BAR
    const rects = parts.filter(({ value }) => value > 0).map(part => {
      const rect = box({ x, y: y + 3, width: part.value * scale, height: BAR - 6 }, label, part)
      x += part.value * scale
      return rect
    })
    return html`<text class="label" x="${LABELS - 8}" y="${y + 15}">${shortened(label)}<title>${label}</title></text>${
      rects}<text x="${at(x + 6)}" y="${y + 15}">${shownNumber(sums[i]!)}</text>`
  })
  return figure(title, rows.flatMap(({ parts }) => parts), svg(title, rows.length * BAR, bars))
}

/** Columns side by side, mostly over time, each stacked of one part per series. */
export function columnChart (
  { title, columns }: { readonly title: string, readonly columns: readonly BarRow[] }
): Html {
  if (columns.length === 0) return figure(title, [], html`<p>No data.</p>`)
  const height = 200
  const left = 60
  const sums = columns.map(({ parts }) => parts.reduce((sum, { value }) => sum + value, 0))
  const top = Math.max(1, ...sums)
  const step = (WIDTH - left) / columns.length
  const drawn = columns.map(({ label, parts }, i) => {
    let y = height
    return html`${parts.filter(({ value }) => value > 0).map(part => {
      const size = part.value / top * (height - 10)
      y -= size
      const width = Math.max(1, step > 4 ? step - 1 : step)
      return box({ x: left + i * step, y, width, height: size }, label, part)
    })}`
  })
  const axes = [
    text(left - 6, 14, shownNumber(top), 'label'), text(left - 6, height, '0', 'label'),
    text(left, height + 16, columns[0]!.label),
    text(WIDTH, height + 16, columns.length > 1 ? columns.at(-1)!.label : '', 'label')
  ]
  return figure(title, columns.flatMap(({ parts }) => parts), svg(title, height + 20, [...drawn, ...axes]))
}

export interface LineSeries {
  readonly label: string
  readonly tone: Tone
  readonly points: readonly (readonly [x: number, y: number])[]
}

/** Lines over a common axis. Both axes begin at 0, unless a value lies below. */
export function lineChart ({ title, xLabel, series }: {
  readonly title: string, readonly xLabel: string, readonly series: readonly LineSeries[]
}): Html {
  const points = series.flatMap(line => line.points).filter(([x, y]) => Number.isFinite(x) && Number.isFinite(y))
  if (points.length === 0) return figure(title, [], html`<p>No data.</p>`)
  const [height, left] = [220, 60]
  const bound = (axis: 0 | 1, pick: (...values: number[]) => number): number =>
    points.reduce((best, point) => pick(best, point[axis]), 0)
  const [xMin, xMax, yMin, yMax] = [bound(0, Math.min), bound(0, Math.max), bound(1, Math.min), bound(1, Math.max)]
  const px = (x: number): number => left + (x - xMin) / (xMax - xMin || 1) * (WIDTH - left - 10)
  const py = (y: number): number => height - (y - yMin) / (yMax - yMin || 1) * (height - 10)
  const lines = series.map(({ label, tone, points }) => {
    const path = points.filter(([x, y]) => Number.isFinite(x) && Number.isFinite(y))
    const dots = path.map(([x, y]) => html`<circle class="fill ${tone}" cx="${at(px(x))}" cy="${at(py(y))}" r="2.5">${
      html`<title>${label}: ${shownNumber(y)} at ${shownNumber(x)}</title>`}</circle>`)
    const corners = path.map(([x, y]) => `${at(px(x))},${at(py(y))}`).join(' ')
    return html`<polyline class="line ${tone}" points="${corners}"></polyline>${dots}`
  })
  const axes = [
    text(left - 6, 14, shownNumber(yMax), 'label'), text(left - 6, height, shownNumber(yMin), 'label'),
    text(left, height + 16, shownNumber(xMin)), text(WIDTH, height + 16, `${xLabel} ${shownNumber(xMax)}`, 'label')
  ]
  const parts = series.map(({ label, tone }) => ({ label, tone, value: 1 }))
  return figure(title, parts, svg(title, height + 20, [...lines, ...axes]))
}

interface Box { readonly x: number, readonly y: number, readonly width: number, readonly height: number }

function box ({ x, y, width, height }: Box, label: string, part: ChartPart): Html {
  const title = html`<title>${label}: ${part.label} ${shownNumber(part.value)}</title>`
  const place = html`x="${at(x)}" y="${at(y)}" width="${at(width)}" height="${at(height)}"`
  return html`<rect class="fill ${part.tone}" ${place}>${title}</rect>`
}

function text (x: number, y: number, content: string, className = ''): Html {
  return html`<text class="${className}" x="${at(x)}" y="${at(y)}">${content}</text>`
}

function svg (title: string, height: number, content: readonly Html[]): Html {
  return html`<svg role="img" aria-label="${title}" viewBox="0 0 ${WIDTH} ${height}">${content}</svg>`
}

/** The legend names each label once, in the order of first use, if there are several. */
function figure (title: string, parts: readonly ChartPart[], content: Html): Html {
  const legend = [...new Map(parts.filter(({ value }) => value > 0).map(({ label, tone }) => [label, tone]))]
  const entries = legend.map(([label, tone]) => html`<span><i class="dot ${tone}"></i>${label}</span>`)
  return html`<figure><figcaption>${title}</figcaption>${
    entries.length > 1 ? html`<p class="legend">${entries}</p>` : ''}${content}</figure>`
}

function at (value: number): string {
  return String(Math.round(value * 10) / 10)
}

function shortened (label: string): string {
  return label.length > 30 ? `${label.slice(0, 29)}…` : label
}
