// A process that reports two violations and dies in the same moment, as those of the soak may.
import { sendEvent } from '../soak/child.ts'
import type { Seen } from '../soak/server.ts'

process.on('message', () => {
  sendEvent('falseVerdict' satisfies Seen)
  sendEvent('pastRefusal' satisfies Seen)
  process.kill(process.pid, 'SIGKILL')
})
process.send!('ready')
