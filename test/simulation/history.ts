import type { Precision } from './invariants.ts'
import { BEHIND_MS, chainEndMs, delayedUntilMs, mayArriveAfter, MESSAGE_MS, RECOVERY_MS, sentUntilMs, TIMEOUT_MS, TTL_SECONDS } from './record.ts'
import type { Fault, Fleet, ProviderCall, Question } from './types.ts'

/** How long a failed call is remembered. */
const FAILED_MS = 2000
/** After this part of its life a verdict is refreshed. */
const FRESH_MS = TTL_SECONDS * 1000 * 0.89
/** From an answer of the provider until it is in Redis, and the parts of a second that its life there is rounded by. */
const HANDOVER_MS = MESSAGE_MS
const ROUNDING_MS = 500

/** A lookup, or the call that it made: until then it may have found what another process left. */
interface Later extends Pick<ProviderCall, 'process' | 'actor' | 'ip'> { readonly fromMs: number, readonly toMs: number }

/**
 * While a verdict is fresh, or a failure remembered, no process calls for the address again, unless a fault touched the hand-over: of the
 * first process while it called, of the second one while it looked it up, or of the data in Redis between the two. A process alone needs
 * no hand-over: only an invalidation explains its second call.
 */
export function checkCalls (fleet: Fleet, precision: Precision): void {
  const { calls, problems } = fleet
  for (const [i, second] of calls.entries()) {
    const { process, actor, ip } = second
    const later = { process, actor, ip, fromMs: beganMs(fleet, second), toMs: second.startMs }
    for (const first of calls.slice(0, i)) {
      if (first.ip !== ip || mayRepeat(first, second.startMs, precision) || excuseOf(fleet, first, later) !== undefined) continue
      problems.push(`process ${process} called for ${ip} at ${second.startMs}, process ${first.process} ` +
        `at ${first.startMs} (until ${first.endMs}, ${first.known ? 'known' : 'failed'})`)
    }
  }
  countCases(fleet, precision)
}

/** A case is each lookup that found a call before it which counts, whether it made one of its own or not. */
function countCases (fleet: Fleet, precision: Precision): void {
  for (const { process, actor, ip, startMs, endMs } of fleet.questions) {
    if (startMs === undefined || endMs === undefined) continue
    const first = fleet.calls.find(call => call.ip === ip && call.startMs < startMs && !mayRepeat(call, endMs, precision))
    if (first === undefined) continue
    fleet.observed('one call per address', excuseOf(fleet, first, { process, actor, ip, fromMs: startMs, toMs: endMs }))
  }
}

/** When the lookup began that made the call. */
function beganMs ({ questions }: Fleet, { actor, ip, startMs }: ProviderCall): number {
  const asked = questions.filter(question => question.actor === actor && question.ip === ip &&
    question.startMs !== undefined && question.startMs <= startMs && (question.endMs ?? Infinity) >= startMs)
  return Math.min(startMs, ...asked.map(question => question.startMs!))
}

function mayRepeat (first: ProviderCall, atMs: number, { slackMs }: Precision): boolean {
  return atMs - first.endMs >= (first.known ? FRESH_MS : FAILED_MS - slackMs)
}

function excuseOf ({ faults, invalidations, missed }: Fleet, first: ProviderCall, second: Later): string | undefined {
  const isForgotten = invalidations.some(invalidation => invalidation.ip === second.ip && invalidation.atMs <= second.toMs &&
    mayArriveAfter({ faults, missed }, invalidation, [first.process, second.process], first.startMs))
  if (isForgotten) return 'invalidated between'
  // After a freeze the time limit of a call may end before its answer is read.
  const isOneProcess = first.actor === second.actor && !faults.some(({ kind, process, fromMs, toMs }) =>
    (kind === 'freeze' || kind === 'machine') && process === first.process && fromMs <= second.toMs && toMs - RECOVERY_MS >= first.startMs)
  if (isOneProcess) return undefined
  if (hasFault(faults, first.startMs, Math.min(first.endMs + HANDOVER_MS, second.toMs), [first.process])) return 'a fault during the first call'
  if (hasFault(faults, second.fromMs, second.toMs, [second.process])) return 'a fault during the second lookup'
  return mayBeLost(faults, first.endMs, second.toMs) ? 'Redis lost the verdict' : undefined
}

/** Whether a restart of Redis until then may have lost what was sent to it at that time, or up to a later one. */
function mayBeLost (faults: readonly Fault[], sentMs: number, toMs: number, latestMs = sentMs + MESSAGE_MS): boolean {
  return faults.some(({ restart, fromMs }) => restart !== undefined && restart !== 'kept' && fromMs >= sentMs && fromMs <= toMs &&
    (restart === 'lost' || fromMs <= latestMs + BEHIND_MS))
}

export function hasFault (faults: readonly Fault[], fromMs: number, toMs: number, processes: readonly number[]): boolean {
  return faults.some(fault => fault.fromMs <= toMs && fault.toMs >= fromMs &&
    (fault.process === undefined || processes.includes(fault.process)))
}

/**
 * A call from before an invalidation answers no lookup after it, unless a fault met its message (and lasts, lost it, or ended the process
 * that sends it), or Redis forgot the invalidation.
 */
export function checkInvalidations ({ calls, questions, faults, invalidations, missed, problems, observed }: Fleet): void {
  const excuseOf = ({ process, startMs }: Question, invalidation: Fleet['invalidations'][number]): string | undefined => {
    const { atMs, process: by } = invalidation
    const sentMs = sentUntilMs(faults, invalidation)
    if (delayedUntilMs(faults, atMs, [process, by]) >= startMs!) return 'a fault of its message, not over yet'
    // A process that connects again reads what it missed.
    const isLost = missed.some(one => one.process === process && one.atMs >= atMs && one.atMs <= sentMs &&
      !faults.some(({ kind, fromMs, toMs }) => kind === 'redis' && fromMs > one.atMs && toMs < startMs!))
    if (isLost) return 'its message got lost'
    const isUnsent = faults.some(fault => (fault.kind === 'kill' || fault.kind === 'close') && fault.process === by &&
      fault.toMs - RECOVERY_MS >= atMs && fault.fromMs <= sentMs)
    if (isUnsent) return 'the process that invalidates ended before it could'
    return mayBeLost(faults, atMs, startMs!, sentMs) ? 'Redis forgot the invalidation' : undefined
  }
  for (const question of questions) {
    const { process, ip, startMs, version } = question
    const answer = calls.find(call => call.version === version)
    if (answer === undefined || startMs === undefined) continue
    // Where a call before the invalidation might still answer, it is a case.
    const cases = invalidations.flatMap(invalidation => {
      if (invalidation.ip !== ip || invalidation.atMs + MESSAGE_MS >= startMs) return []
      const isBefore = (call: ProviderCall): boolean => call.startMs < invalidation.atMs
      const isCase = isBefore(answer) ||
        calls.some(call => call.ip === ip && isBefore(call) && call.known && startMs - call.endMs < FRESH_MS)
      return isCase ? [{ invalidation, excuse: excuseOf(question, invalidation) }] : []
    })
    for (const { invalidation, excuse } of cases) {
      observed('nothing older than an invalidation', excuse)
      if (excuse !== undefined || invalidation.atMs <= answer.startMs) continue
      problems.push(`process ${process} asked for ${ip} at ${startMs} and got the answer from ${answer.startMs}, invalidated at ${invalidation.atMs}`)
    }
  }
}

/**
 * A verdict is that of a call for this address, which had ended, and is no older than its life and what the clock of its caller is ahead of
 * that of its reader.
 */
export function checkVerdicts ({ calls, questions, problems, observed }: Fleet, { slackMs }: Precision): void {
  const lifeMs = TTL_SECONDS * 1000
  for (const { ip, verdict, org, version, actor, endMs, ageMs } of questions) {
    if (verdict === undefined || verdict === 'unknown') continue
    observed('a true verdict')
    const call = calls.find(call => call.version === version)
    if (call === undefined || call.ip !== ip || !call.known || org !== `${ip} ${version}`) {
      problems.push(`${ip} got the verdict of ${org}, which no call for it has found`)
      continue
    }
    const trueAgeMs = endMs! - call.endMs
    const longestMs = lifeMs + Math.max(0, call.actor.skewMs - actor.skewMs) + ROUNDING_MS + slackMs
    if (!(trueAgeMs >= 0 && trueAgeMs <= longestMs)) problems.push(`${ip} got a verdict from ${trueAgeMs} ms ago`)
    if (!(ageMs! >= 0 && ageMs! <= lifeMs + 1)) problems.push(`${ip} got a verdict that its process took to be ${ageMs} ms old`)
  }
}

/** Only a process that ended leaves a question open; one that is frozen answers when it continues. */
export function checkTimeLimits ({ questions, faults, problems, observed }: Fleet, { slackMs }: Precision): void {
  for (const { process, ip, startMs, endMs, actor: { diedMs } } of questions) {
    const limitMs = startMs === undefined ? Infinity : thawedMs(faults, process, startMs, startMs + TIMEOUT_MS)
    const isCutOff = endMs === undefined && diedMs !== undefined && diedMs <= limitMs + slackMs
    observed('an answer in time', isCutOff ? 'the process ended before' : undefined)
    if (isCutOff || (endMs !== undefined && endMs <= limitMs + slackMs)) continue
    problems.push(`process ${process} asked for ${ip} at ${startMs} and was answered at ${endMs}`)
  }
}

/** The limit, or the end of the freezes that reach beyond it. */
function thawedMs (faults: readonly Fault[], process: number, startMs: number, limitMs: number): number {
  const freezes = faults.filter(fault => (fault.kind === 'freeze' || fault.kind === 'machine') && fault.process === process)
  return Math.max(limitMs, chainEndMs(freezes, startMs, limitMs, ({ toMs }) => toMs - RECOVERY_MS))
}
