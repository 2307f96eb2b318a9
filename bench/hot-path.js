// What the plugin adds to a bare Fastify route on a memory hit: requests routed without sockets, so that the figures hold on a noisy
// machine. A tight loop keeps everything in the caches of the CPU: hot-path-http.js is the same over sockets, and stricter.
// `npm run build && cd bench && npm install && node hot-path.js [pattern] [--against FOLDER] [--launches 5]`
// FOLDER has another build of the package, 0.1.0 for example: `git worktree add ../v010 fffaa90 && cd ../v010 && npm ci && npm run build`
import { against, answerOf, inTurn, launches } from './hot-path-processes.js'
import { ratiosOf, tableOf } from './hot-path-variants.js'

const ROUNDS = 8

const measured = await inTurn('hot-path-worker.js', ROUNDS, async child => {
  child.send('run')
  return (await answerOf(child)).microseconds
})
console.log(`CPU time a request, ${launches} processes for each variant, ${ROUNDS} rounds each, in turn; median of the ` +
  'differences to bare')
console.table(tableOf(measured))
if (against !== undefined) console.log(ratiosOf(measured))
