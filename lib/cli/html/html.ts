/** Markup that may go into a page as it is. Only `html` makes it, so that text is always escaped. */
export interface Html { readonly markup: string }

type Value = Html | string | number | readonly (Html | string)[]

/** A template whose values are escaped, in text and in quoted attributes, unless `html` made them. */
export function html (strings: TemplateStringsArray, ...values: readonly Value[]): Html {
  return { markup: strings.map((text, i) => i === 0 ? text : markupOf(values[i - 1]!) + text).join('') }
}

function markupOf (value: Value): string {
  if (typeof value === 'string') return escaped(value)
  if (typeof value === 'number') return String(value)
  return 'markup' in value ? value.markup : value.map(markupOf).join('')
}

const entities: Readonly<Record<string, string>> = {
  '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;'
}

function escaped (text: string): string {
  return text.replaceAll(/[&<>"']/g, character => entities[character]!)
}

/** JSON inside a `<script type="application/json">`: nothing in it can end the element or begin a comment. */
export function jsonScript (value: unknown): Html {
  const json = JSON.stringify(value).replaceAll('<', '\\u003c')
  return { markup: `<script type="application/json">${json}</script>` }
}

/** 1234567.891 as "1,234,568"; below 10, two decimals are kept. */
export function shownNumber (value: number): string {
  return value.toLocaleString('en-US', { maximumFractionDigits: Math.abs(value) < 10 ? 2 : 0 })
}
