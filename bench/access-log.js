// Writes an access log for benchmarks and for trying `ip-risk review`: node bench/access-log.js 1000000 > access.log
import { once } from 'node:events'
import { pathToFileURL } from 'node:url'

const agents = ['Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0', 'curl/8.14.1', 'Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X)']
const paths = ['GET /', 'GET /assets/app.js', 'POST /signup', 'POST /login', 'GET /users/17', 'POST /transfer?amount=5']

/** One line; `addresses` of them differ. */
export function logLine (i, addresses) {
  // Spread over the whole public space by a multiplier that is odd, so that neighbours differ.
  const n = Math.imul((i % addresses) + 1, 0x9e3779b1) >>> 0
  const ip = `${1 + (n >>> 24) % 223}.${(n >>> 16) & 255}.${(n >>> 8) & 255}.${n & 255}`
  const minute = Math.floor(i / 1000)
  const time = `${String(1 + Math.floor(minute / 1440) % 28).padStart(2, '0')}/Nov/2026:${String(Math.floor(minute / 60) % 24).padStart(2, '0')}:${String(minute % 60).padStart(2, '0')}:${String(i % 60).padStart(2, '0')} +0000`
  return `${ip} - - [${time}] "${paths[i % paths.length]} HTTP/1.1" ${i % 7 === 0 ? 302 : 200} ${i % 5000} "https://app.example/" "${agents[i % agents.length]}"\n`
}

/** Text of so many lines, in pieces. */
export function * logText (lines, addresses = lines) {
  let text = ''
  for (let i = 0; i < lines; i++) {
    text += logLine(i, addresses)
    if (text.length > 262_144) {
      yield text
      text = ''
    }
  }
  yield text
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  for (const text of logText(Number(process.argv[2] ?? 1000))) {
    if (!process.stdout.write(text)) await once(process.stdout, 'drain')
  }
}
