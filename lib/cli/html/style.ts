/** The style of every page; light or dark as the reader's system is. */
export const style = `
:root { color-scheme: light dark; --text: #1c2127; --back: #fff; --soft: #f1f3f5; --line: #d5dae0; --dim: #5f6b7a;
  --good: #2e9e5b; --neutral: #9aa5b1; --notice: #e0b400; --warning: #e8751a; --danger: #cf2f2f;
  --one: #3b76d4; --two: #8a54c7; --three: #16a3a3 }
@media (prefers-color-scheme: dark) { :root { --text: #e4e8ec; --back: #14181d; --soft: #1e242b; --line: #36404b;
  --dim: #9aa5b1 } }
body { margin: 2rem auto; max-width: 78rem; padding: 0 1rem; color: var(--text); background: var(--back);
  font: 15px/1.5 system-ui, sans-serif }
h1 { font-size: 1.5rem; margin: 0 } h2 { font-size: 1.1rem; margin: 2rem 0 .5rem }
header p { color: var(--dim); margin: .25rem 0 1rem }
dl { display: flex; flex-wrap: wrap; gap: .75rem; margin: 0 }
dl div { background: var(--soft); border-radius: .4rem; padding: .5rem .9rem }
dt { color: var(--dim); font-size: .85rem } dd { margin: 0; font-size: 1.25rem; font-variant-numeric: tabular-nums }
figure { margin: 1rem 0 2rem; max-width: 60rem } figcaption { font-weight: 600 }
svg { width: 100%; height: auto; font-size: 12px } svg text { fill: var(--text) } svg .label { text-anchor: end }
.legend span { margin-right: 1rem } .dot { display: inline-block; width: .7rem; height: .7rem; border-radius: 50%;
  margin-right: .35rem }
${['good', 'neutral', 'notice', 'warning', 'danger', 'one', 'two', 'three'].map(tone => `
.fill.${tone} { fill: var(--${tone}) }
.line.${tone} { stroke: var(--${tone}) }
.dot.${tone} { background: var(--${tone}) }`).join('')}
.line { fill: none; stroke-width: 2 }
.table { overflow-x: auto } .tools { display: flex; flex-wrap: wrap; gap: .75rem; align-items: center; margin: .5rem 0 }
.tools label { color: var(--dim) } input, select, button { font: inherit; color: inherit; background: var(--back);
  border: 1px solid var(--line); border-radius: .3rem; padding: .2rem .5rem }
caption { text-align: left; color: var(--dim) }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums }
th, td { text-align: left; padding: .3rem .6rem; border-bottom: 1px solid var(--line); vertical-align: top }
td { overflow-wrap: anywhere } td.number { text-align: right }
th { position: sticky; top: 0; background: var(--soft) } th button { border: 0; padding: 0; background: none;
  font-weight: 600; cursor: pointer } th[aria-sort=ascending] button::after { content: ' ▲' }
th[aria-sort=descending] button::after { content: ' ▼' }
@media print { .tools { display: none } th { position: static } }
`
