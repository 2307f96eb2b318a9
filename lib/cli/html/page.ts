import { createHash } from 'node:crypto'
import { html, type Html } from './html.ts'
import { script } from './script.ts'
import { style } from './style.ts'

/** A number in the head of the page. */
export interface Fact {
  readonly label: string
  readonly value: string
}

export interface Section {
  readonly heading: string
  readonly body: Html | readonly Html[]
}

export interface PageOptions {
  readonly title: string
  /** One or two sentences on what is shown, and from when. */
  readonly lead: string
  readonly facts?: readonly Fact[]
  readonly sections: readonly Section[]
}

/**
 * A whole HTML document. The content security policy admits its own style and script by their hashes and nothing else:
 * even markup that slipped through could neither run nor load anything.
 */
export function page ({ title, lead, facts = [], sections }: PageOptions): string {
  const policy = [
    "default-src 'none'", `script-src '${hash(script)}'`, `style-src '${hash(style)}'`, "base-uri 'none'",
    "form-action 'none'"
  ].join('; ')
  const numbers = facts.map(({ label, value }) => html`<div><dt>${label}</dt><dd>${value}</dd></div>`)
  const main = sections.map(({ heading, body }) => html`<section><h2>${heading}</h2>${body}</section>`)
  const body = html`<header><h1>${title}</h1><p>${lead}</p><dl>${numbers}</dl></header><main>${main}</main>`
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
${html`<meta http-equiv="content-security-policy" content="${policy}">`.markup}
<meta name="viewport" content="width=device-width">
<meta name="referrer" content="no-referrer">
${html`<title>${title}</title>`.markup}
<style>${style}</style>
${body.markup}
<script>${script}</script>
</html>
`
}

function hash (text: string): string {
  return `sha256-${createHash('sha256').update(text).digest('base64')}`
}
