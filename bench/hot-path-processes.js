// Processes that take turns, one for each variant: bench/hot-path and bench/hot-path-http.
import { fork } from 'node:child_process'
import { parseArgs } from 'node:util'
import { variantNames } from './hot-path-variants.js'

const { values: { against, ...values }, positionals: [pattern = ''] } =
  parseArgs({ options: { against: { type: 'string' }, launches: { type: 'string', default: '5' } }, allowPositionals: true })

export { against }
/** How many processes each variant gets. */
export const launches = Number(values.launches)
/** In the order in which they take turns. `pattern` selects variants beside the bare one. */
export const names = variantNames(against).filter(name => name.startsWith('bare') || new RegExp(pattern).test(name))

/** The next message of a child. Rejects when it ends instead. */
export function answerOf (child) {
  return new Promise((resolve, reject) => {
    const ended = code => reject(new Error(`a process of the bench ended with ${code}`))
    child.once('exit', ended)
    child.once('message', message => {
      child.off('exit', ended)
      resolve(message)
    })
  })
}

/**
 * What `measure(child, name)` gives for each variant, round by round, always in the same order: a process that runs twice in a row, as
 * the first and last would if the order were reversed, finds its data in the CPU's caches, and looks faster than it is. How a process
 * compiled its code stays with it, and may differ from the next one's: so each variant gets `launches` processes, one after the other.
 * A list for each launch. `execArgv`: options of Node.js.
 */
export async function inTurn (file, rounds, measure, execArgv = []) {
  const measured = new Map(names.map(name => [name, []]))
  for (let launch = 0; launch < launches; launch++) {
    const children = []
    for (const lists of measured.values()) lists.push([])
    for (const name of names) {
      const child = fork(new URL(file, import.meta.url), [name, ...against === undefined ? [] : [against]], { execArgv })
      children.push({ name, child, ready: await answerOf(child) })
    }
    for (let round = 0; round < rounds; round++) {
      for (const { name, child, ready } of children) measured.get(name).at(-1).push(await measure(child, name, ready))
    }
    for (const { child } of children) child.disconnect()
  }
  return measured
}
