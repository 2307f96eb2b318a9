import type { FastifyReply } from 'fastify'
import type { CompletedAssessment } from '../core/index.ts'
import type { PluginScope } from '../options/index.ts'

/** Lets `onRejected` answer; `otherwise` is called where it begins no answer. */
export function ownAnswer (
  onRejected: NonNullable<PluginScope['onRejected']>, assessment: CompletedAssessment, reply: FastifyReply,
  otherwise: () => void
): void {
  let begun = false
  const { send } = reply
  // Fastify sends only when the onSend hooks are done: until then, nothing else shows that there is an answer.
  reply.send = (...args) => {
    begun = true
    return send.apply(reply, args)
  }
  onRejected(assessment, reply).then(() => {
    reply.send = send
    if (!begun && !reply.sent && !reply.raw.headersSent) otherwise()
  })
}
