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
  t.strictSame(log.messages.filter(line => line.includes('this process ends')).length, 1)
})
