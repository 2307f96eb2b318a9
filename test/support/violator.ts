// A process that reports two violations and dies in the same moment, as those of the soak may.
import { sendEvent } from '../soak/child.ts'
import type { Violation } from '../soak/server.ts'

process.on('message', () => {
  sendEvent({ kind: 'falseVerdict', ip: '203.0.113.1' } satisfies Violation)
  sendEvent({ kind: 'pastRefusal', ip: '203.0.113.2' } satisfies Violation)
  process.kill(process.pid, 'SIGKILL')
})
process.send!('ready')
