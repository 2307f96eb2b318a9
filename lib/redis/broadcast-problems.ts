export type BroadcastProblem = 'signature' | 'format' | 'time'

/** Why a broadcast or a stored allow is ignored, and what to do. */
export const broadcastProblems: Readonly<Record<BroadcastProblem, string>> = {
  signature: 'Redis has broadcasts or stored allows with a wrong signature, which are ignored: another program ' +
    'writes them, or a process has another secret. Restrict by ACL who may write, and change cache.keySecret as ' +
    '[current, previous]',
  format: 'Redis has broadcasts or stored allows that are not ours, which are ignored: another program writes ' +
    'them. Restrict by ACL who may write',
  time: 'a broadcast in Redis is ignored because its time is more than 60 seconds off: it is an old one, sent again, ' +
    'or the clocks of two processes differ. Synchronize the clocks'
}
