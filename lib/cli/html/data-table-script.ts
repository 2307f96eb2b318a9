/**
 * Fills in the tables of `dataTable`: `textContent` only, so that no cell is ever read as markup. Plain
 * JavaScript for any browser of the last five years; a test opens a page in one.
 */
export const dataTableScript = `
'use strict'
const pageSize = 100
const make = (name, props = {}, ...children) => {
  const element = Object.assign(document.createElement(name), props)
  element.append(...children)
  return element
}
const isEmpty = value => value === null || value === ''
const shown = (value, kind) => isEmpty(value) ? ''
  : kind === 'time' ? new Date(value).toISOString().slice(0, 19).replace('T', ' ') : String(value)
const collator = new Intl.Collator('en', { numeric: true })
const compare = (a, b) => typeof a === 'number' && typeof b === 'number'
  ? a - b
  : collator.compare(String(a), String(b))

for (const root of document.querySelectorAll('[data-table]')) {
  const { caption, columns, rows } = JSON.parse(root.querySelector('script').textContent)
  const texts = rows.map(row => row.map((value, i) => shown(value, columns[i].kind)).join('\\n').toLowerCase())
  const order = rows.map((_, i) => i)
  const chosen = new Map()
  let [words, sortedBy, descending, first] = [[], -1, false, 0]

  const body = make('tbody')
  const count = make('output', { className: 'count' })
  const heads = columns.map((column, i) => {
    const button = make('button', { type: 'button', textContent: column.name })
    button.addEventListener('click', () => sort(i))
    return make('th', { scope: 'col' }, button)
  })
  const search = make('input', { type: 'search' })
  search.addEventListener('input', () => {
    words = search.value.toLowerCase().split(/\\s+/).filter(word => word !== '')
    show(0)
  })
  const choices = columns.flatMap((column, i) => {
    if (column.kind !== 'choice') return []
    const values = [...new Set(rows.map(row => row[i]))].filter(value => !isEmpty(value)).sort(compare)
    const select = make('select', {}, make('option', { value: '', textContent: 'all' }),
      ...values.map(value => make('option', { value: String(value), textContent: String(value) })))
    select.dataset.column = column.name
    select.addEventListener('change', () => {
      if (select.value === '') chosen.delete(i)
      else chosen.set(i, select.value)
      show(0)
    })
    return [make('label', {}, column.name + ' ', select)]
  })
  const turn = (text, by) => {
    const button = make('button', { type: 'button', textContent: text })
    button.addEventListener('click', () => show(first + by))
    return button
  }
  const back = turn('previous', -pageSize)
  const on = turn('next', pageSize)

  function sort (i) {
    descending = sortedBy === i ? !descending : ['number', 'time'].includes(columns[i].kind)
    sortedBy = i
    order.sort((a, b) => {
      const [x, y] = [rows[a][i], rows[b][i]]
      if (isEmpty(x) || isEmpty(y)) return isEmpty(x) - isEmpty(y) || a - b
      return (descending ? compare(y, x) : compare(x, y)) || a - b
    })
    heads.forEach((head, at) => at === i
      ? head.setAttribute('aria-sort', descending ? 'descending' : 'ascending')
      : head.removeAttribute('aria-sort'))
    show(0)
  }

  function show (from) {
    const found = order.filter(at => words.every(word => texts[at].includes(word)) &&
      [...chosen].every(([i, value]) => String(rows[at][i]) === value))
    first = from
    const shownRows = found.slice(first, first + pageSize)
    body.replaceChildren(...shownRows.map(at => make('tr', {}, ...rows[at].map((value, i) => {
      const { kind = 'text', tones = {} } = columns[i]
      const cell = make('td', { className: kind })
      if (Object.hasOwn(tones, value)) cell.append(make('i', { className: 'dot tone-' + tones[value] }))
      cell.append(shown(value, kind))
      return cell
    }))))
    count.textContent = found.length === 0 ? 'no rows'
      : 'rows ' + (first + 1) + ' to ' + (first + shownRows.length) + ' of ' + found.length +
        (found.length < rows.length ? ' (filtered from ' + rows.length + ')' : '')
    back.disabled = first === 0
    on.disabled = first + pageSize >= found.length
  }

  root.append(
    make('div', { className: 'tools' }, make('label', {}, 'filter ', search), ...choices, count, back, on),
    make('table', {}, make('caption', { textContent: caption }), make('thead', {}, make('tr', {}, ...heads)), body))
  show(0)
}
`
