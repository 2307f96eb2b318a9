/**
 * Runs in the browser: replaces the live part every five seconds. Without it the page is a snapshot. The head of an
 * update is left out, because its style has another nonce, and the browser would report a violation each time.
 */
export const pageScript = `
'use strict'
const live = document.getElementById('live')
const pause = document.getElementById('pause')
let paused = false
pause.hidden = false
pause.addEventListener('click', () => {
  paused = !paused
  pause.setAttribute('aria-pressed', String(paused))
})
setInterval(async () => {
  if (paused || document.hidden || live.contains(document.activeElement) || String(getSelection()) !== '') return
  try {
    const response = await fetch(location.pathname + location.search, { cache: 'no-store' })
    if (!response.ok) throw new Error(String(response.status))
    const html = await response.text()
    const body = html.slice(html.indexOf('<main>'))
    const next = new DOMParser().parseFromString(body, 'text/html').getElementById('live')
    live.replaceChildren(...document.importNode(next, true).childNodes)
    document.title = 'fastify-ip-risk'
  } catch {
    document.title = 'not updating: fastify-ip-risk'
  }
}, 5000)
`
