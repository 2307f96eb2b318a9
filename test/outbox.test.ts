import t from 'tap'
import { createOutbox } from '../lib/redis/outbox.ts'
import { memoryLog } from './support/log.ts'

t.test('what is being published when a process closes is published before it ends', async t => {
  const log = memoryLog()
  const published: string[] = []
  let isUp = false
  const send = (name: string) => async () => {
    const isTaken = isUp
    await new Promise(resolve => setTimeout(resolve, 20))
    if (!isTaken) throw new Error('no answer')
    published.push(name)
  }
  const outbox = createOutbox(log, () => {})
  await outbox.publish(send('failed once'))
  isUp = true
  outbox.retry()
  outbox.publish(send('not awaited'))
  await outbox.close()
  t.strictSame(published.sort(), ['failed once', 'not awaited'])

  const other = createOutbox(log, () => {})
  isUp = false
  const failing = other.publish(send('fails while it closes'))
  isUp = true
  await other.close()
  await failing
  t.ok(published.includes('fails while it closes'))

  const last = createOutbox(log, () => {})
  isUp = false
  await Promise.all([last.publish(send('lost')), last.publish(send('lost, too'))])
  await last.close()
  t.equal(published.length, 3)
  t.equal(log.messages.filter(line => line.includes('does not try again')).length, 1)
})

t.test('what is published while a thousand others wait is lost, and logged once for each outage', async t => {
  const log = memoryLog()
  const outbox = createOutbox(log, () => {})
  let published = 0
  const lost = (): number => log.messages.filter(line => line.includes('does not try again')).length
  for (const outage of [1, 2]) {
    let isUp = false
    const run = async (): Promise<void> => {
      if (!isUp) throw new Error('no answer')
      published++
    }
    await Promise.all(Array.from({ length: 1000 }, async () => await outbox.publish(run)))
    t.equal(lost(), outage - 1)
    await Promise.all([outbox.publish(run), outbox.publish(run)])
    t.equal(lost(), outage)
    isUp = true
    outbox.retry()
    await outbox.publish(run)
    t.equal(published, 1001 * outage)
  }
  await Promise.all(Array.from({ length: 1001 }, async () => await outbox.publish(() => Promise.reject(new Error('no answer')))))
  t.equal(lost(), 3)
  await outbox.close()
  t.equal(lost(), 4, 'and once more for what waits when the process closes')
})

t.test('a statement that Redis never takes is logged once, although it takes others meanwhile', async t => {
  const log = memoryLog()
  const outbox = createOutbox(log, () => {})
  const takenNever = async (): Promise<void> => {
    await new Promise(resolve => setTimeout(resolve, 3)) // a round trip, and FORGET comes before it
    throw new Error('NOPERM')
  }
  await outbox.publish(takenNever)
  for (let second = 0; second < 10; second++) {
    outbox.retry()
    await outbox.publish(async () => {}) // a support desk at work
    await new Promise(resolve => setTimeout(resolve, 5))
  }
  t.equal(log.lines.filter(line => line.fields['code'] === 'IP_RISK_BROADCAST_DELAYED').length, 1)
})
