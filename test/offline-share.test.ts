import t from 'tap'
import { type OfflineShare, offlineShare } from '../lib/rate-limit/offline-share.ts'
import { quotaLimits, realWindows } from '../lib/rate-limit/quota.ts'
import type { ScriptRunner } from '../lib/redis/client.ts'
import { clock } from './support/guard.ts'
import { quotaOver } from './support/quota.ts'

const minuteMs = 60_000 + realWindows.slackMs
const none = { calls: 0, reads: 0 }

t.test('what a process may call while it cannot reach Redis', async t => {
  const { now, pass } = clock()
  const limits = quotaLimits({ perMinute: 40, perDay: 100, burst: 40 }, 0, realWindows)
  const budget = (): OfflineShare =>
    offlineShare({ limits, reserveForWrites: 0, windows: realWindows, absenceMs: 25_000, beatMs: 2_000, now })
  const spend = (share: OfflineShare): number => {
    let count = 0
    while (share.take(true) === null) count++
    return count
  }
  const contact = { members: 4, part: 3, readPart: 3, usedMinute: 10, usedDay: 20, readsMinute: 0, readsDay: 0, reporting: 0 }

  t.equal(spend(budget()), 10, 'a quarter, when it never saw a fleet')

  const member = budget()
  member.contact({ at: now() - 30_000, ...contact })
  member.contact({ at: now(), ...contact })
  pass(1)
  t.equal(spend(member), 3, 'its part at first')
  pass(30_000)
  t.equal(spend(member), 0, 'no more in the same window')
  pass(60_000)
  t.equal(spend(member), 10, 'then an even share')
  t.equal(member.takeUnreported(10).length, 10)
  t.equal(member.unreported(), 3)
  t.equal(member.takeUnreported(10).length, 3)
  t.equal(member.takeUnreported(10).length, 0)

  const late = budget()
  late.contact({ at: now(), ...contact })
  pass(100_000)
  t.equal(spend(late), 0, 'no share for who joined so late that the others may not know')

  const alone = budget()
  alone.contact({ at: now(), ...contact, members: 1 })
  pass(1)
  t.equal(spend(alone), 30, 'who was alone knows the whole count')
  pass(minuteMs + 1)
  t.equal(spend(alone), 40)
  pass(minuteMs + 1)
  t.equal(spend(alone), 10, 'and its day')

  const reordered = budget()
  for (let calls = 0; calls < 8; calls++) reordered.granted(true, none, { part: 3, readPart: 3 })
  reordered.contact({ at: now(), ...contact, members: 1, usedMinute: 8 })
  reordered.contact({ at: now(), ...contact, members: 1, usedMinute: 3 })
  pass(1)
  t.equal(spend(reordered), 32, 'the own calls count, also when an older reply arrives last')

  // Redis counted its four calls 50 ms before the grants arrived, and has just forgotten them.
  const survivor = budget()
  for (let calls = 0; calls < 4; calls++) survivor.granted(true, none, { part: 3, readPart: 3 })
  pass(minuteMs - 25)
  survivor.contact({ at: now(), ...contact, members: 1, usedMinute: 4 })
  survivor.quiet(now(), 60_000, { part: 0, readPart: 0 })
  t.equal(survivor.reservation().part, 36, 'the four that Redis counts are of others')

  const asking = budget()
  asking.contact({ at: now(), ...contact })
  const made = asking.made()
  t.equal(asking.take(true), null)
  t.notOk(asking.granted(true, made, { part: 0, readPart: 0 }), 'a call was made while the grant travelled, and nothing is left for it')
  t.ok(asking.granted(true, made, { part: 1, readPart: 1 }))
  t.ok(asking.granted(true, asking.made(), { part: 0, readPart: 0 }), 'it was reported with what was asked after it')

  const quiet = budget()
  quiet.quiet(now(), 60_000, { part: 0, readPart: 0 })
  t.ok(quiet.isQuiet())
  t.equal(spend(quiet), 0, 'who comes into a quiet time has nothing')
  pass(61_000)
  t.equal(spend(quiet), 0, 'nor right after it, when the fleet calls again')
  pass(90_000)
  t.equal(spend(quiet), 10)
  const givenBack = [{ at: now() - 2, number: -2, write: true }, { at: now() - 1, number: -1, write: true }]
  quiet.giveBack(givenBack)
  t.same(quiet.takeUnreported(100).slice(0, 2), givenBack)
})

t.test('what a long absence has to tell is bounded by what counts, and told in parts before more is asked for', async t => {
  const { now, pass } = clock()
  const share = offlineShare({
    limits: quotaLimits({ perMinute: 40 }, 0, realWindows),
    reserveForWrites: 0,
    windows: realWindows,
    absenceMs: 25_000,
    beatMs: 2_000,
    now
  })
  for (let minute = 0; minute < 100; minute++) {
    pass(minuteMs + 1)
    for (let i = 0; i < 10; i++) t.equal(share.take(true), null)
  }
  t.ok(share.unreported() <= 80)
  const told = share.takeUnreported(1_000)
  t.equal(told.length, 10, 'those that have left every window count nowhere')
  for (let i = 0; i < 30; i++) share.giveBack(told)
  t.ok(share.unreported() <= 40)
  pass(minuteMs)
  t.same(share.takeUnreported(1_000), [])

  let isAway = true
  const runs: [op: unknown, told: number][] = []
  const redis: ScriptRunner = {
    async run (_script, _keys, args) {
      if (isAway) throw new Error('away')
      runs.push([args[0], (args.length - 21) / 3])
      return ['ok', 'epoch', '', 0, 0, 1, 0, 0, 1, 1, 0, 0, 1]
    }
  }
  const quota = quotaOver(t, redis, { perMinute: 10_000 }, { now })
  t.teardown(() => quota.close())
  while (await quota.take(true) === null);
  isAway = false
  t.equal(await quota.take(true), null)
  t.same(runs, [['beat', 1_000], ['beat', 1_000], ['write', 500]])
})

t.test('after two losses in a row the shares of all members stay within the limit, whoever was how far', async t => {
  const { now, pass } = clock()
  const limits = quotaLimits({ perMinute: 15 }, 0, realWindows)
  const spend = (share: OfflineShare): number => {
    let count = 0
    while (share.take(true) === null) count++
    return count
  }
  const member = (part: number): OfflineShare => {
    const share = offlineShare({ limits, reserveForWrites: 0, windows: realWindows, absenceMs: 25_000, beatMs: 2_000, now })
    share.contact({ at: now(), members: 4, part: 0, readPart: 0, usedMinute: 0, usedDay: 0, readsMinute: 0, readsDay: 0, reporting: 0 })
    pass(10_000)
    share.contact({ at: now(), members: 4, part, readPart: part, usedMinute: 0, usedDay: 0, readsMinute: 0, readsDay: 0, reporting: 0 })
    return share
  }
  const quiet = (share: OfflineShare): void => share.quiet(now(), 62_000, share.reservation())

  // It has made most of the calls, and keeps its rate after the first loss.
  const busy = (): OfflineShare => {
    const share = member(0)
    for (let i = 0; i < 7; i++) share.granted(true, none, { part: 3, readPart: 3 })
    for (let beat = 0; beat < 32; beat++) {
      quiet(share)
      pass(2_000)
    }
    quiet(share)
    t.equal(share.minuteLeft(), 7)
    return share
  }

  const soon = busy()
  pass(10_000)
  quiet(soon)
  t.equal(spend(soon), 7, 'a second loss soon after changes nothing')

  const late = busy()
  pass(26_000)
  t.equal(spend(late), 3, 'later no more than the even share, which the others have when its calls still count')

  const back = busy()
  pass(26_000)
  quiet(back)
  pass(2_000)
  quiet(back)
  t.equal(spend(back), 3, 'nor when Redis comes back empty by then')

  const long = busy()
  pass(100_000)
  quiet(long)
  pass(2_000)
  quiet(long)
  t.equal(spend(long), 3, 'nor when all have their even shares already')
})
