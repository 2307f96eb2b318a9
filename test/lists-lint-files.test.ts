import t, { type Test } from 'tap'
import { renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { findAsnPackage, readAsnTable, readRangesOf } from '../lib/lists/asn/database.ts'
import { packagedAsnKinds } from '../lib/lists/asn/kinds.ts'
import { type Part, sourcesPart, type SourcesPartOptions } from '../lib/lists/database/parts.ts'
import { eyeballNetworks, readEyeballNetworks } from '../lib/lists/pull/eyeball.ts'
import type { FileSource } from '../lib/lists/sources/source.ts'
import { until } from './support/until.ts'
import { memoryLog } from './support/log.ts'

/** Comcast is one of the access networks that the package knows; 20.0.0.0/16 is somebody else's. */
const COMCAST = 7922
const servers = Array.from({ length: 40 }, (_, i) => `20.0.${i}.1`)

interface Setup {
  readonly path: string
  part (more?: Partial<FileSource>, options?: Partial<SourcesPartOptions>): Part
  write (...rows: string[]): void
}

function setup (t: Test): Setup {
  const folder = t.testdir({
    'asn-ipv4.csv': `20.0.0.0,20.0.255.255,64500,Net One\n24.0.0.0,24.15.255.255,${COMCAST},"Comcast, LLC"\n`,
    'asn-ipv6.csv': `2001:558::,2001:560:ffff:ffff:ffff:ffff:ffff:ffff,${COMCAST},Comcast`
  })
  const path = join(folder, 'servers.txt')
  return {
    path,
    part: (more, options) => sourcesPart({
      sources: [{ id: 'ours', kind: 'vpn-range', path, ...more }],
      covers: [],
      builtIn: true,
      asnPackage: { folder, source: 'test' },
      watchIntervalMs: undefined,
      ...options
    }),
    write (...rows) {
      writeFileSync(`${path}.new`, [...servers, ...rows].join('\n'))
      renameSync(`${path}.new`, path)
    }
  }
}

t.test('a file that names a wide part of an access network is refused, with the row', async t => {
  const { part, write } = setup(t)
  write('24.0.0.0/14')
  t.throws(() => part(), {
    code: 'FST_IP_RISK_BAD_OPTION',
    message: /option "lists\.sources\[0\]\.path" is refused: it names 24\.0\.0\.0-24\.3\.255\.255, a wide part of a network that sells internet access.*lint: false/
  })
  write('2001:558::/32')
  t.throws(() => part(), { message: /is refused: it names 2001:558::/ })
  write('AS7922')
  t.equal(part().answer('24.0.0.1').verdict, 'unknown', 'its AS number is left out')
})

t.test('rows in access networks and private space are left out, which is logged once, and costs trust', async t => {
  const { part, write } = setup(t)
  write('24.0.0.0/28', '10.0.0.0/8')
  const ours = part()
  const log = memoryLog()
  ours.start(log)
  t.match(log.lines, [{
    level: 'warn',
    fields: { code: 'IP_RISK_LIST_ROWS_LEFT_OUT', list: 'ours', remarks: [/1 of 42 rows in a network of people/, /1 of 42 rows in private/] },
    message: /lint: false/
  }])
  t.equal(log.lines.length, 1)
  t.equal(ours.answer('24.0.0.1').verdict, 'unknown')
  t.match(ours.answer('20.0.1.1'), { verdict: 'vpn_likely', score: 0.686 })
  await ours.close()
})

t.test('without the check every row is obeyed, and so are entries', async t => {
  const { part, write } = setup(t)
  write('24.0.0.0/28')
  t.equal(part({ lint: false }).answer('24.0.0.1').verdict, 'vpn_detected')
  const entries = sourcesPart({
    sources: [{ id: 'ours', kind: 'vpn-range', entries: ['24.0.0.0/14'] }], covers: [], builtIn: true, asnPackage: undefined, watchIntervalMs: undefined
  })
  t.equal(entries.answer('24.0.0.1').verdict, 'vpn_detected')
  t.throws(() => part({ lint: 1 as unknown as boolean }), { message: /lists\.sources\[0\]\.lint" must be true or false/ })
})

t.test('a file that becomes wrong while the process runs is refused, and the one before stays', async t => {
  const { part, write } = setup(t)
  write()
  const ours = part({}, { watchIntervalMs: 20 })
  t.teardown(() => ours.close())
  const log = memoryLog()
  ours.start(log)
  write('24.0.0.0/14')
  await until(() => log.lines.some(({ level }) => level === 'error'))
  t.match(log.lines.at(-1), { fields: { code: 'IP_RISK_LISTS_UNUSABLE', err: { message: /names 24\.0\.0\.0-24\.3\.255\.255/ } } })
  t.match([ours.answer('24.0.0.1').verdict, ours.answer('20.0.1.1').verdict], ['unknown', 'vpn_detected'])
  write('24.0.0.0/28')
  await until(() => log.lines.some(({ message }) => message?.includes('compiled lists are in use')))
  t.ok(log.lines.some(({ level, fields }) => level === 'warn' && 'code' in fields && fields.code === 'IP_RISK_LIST_ROWS_LEFT_OUT'))
  t.equal(ours.answer('24.0.0.1').verdict, 'unknown')
})

t.test('reads the access networks of the package alone as of its whole table', t => {
  const asnPackage = findAsnPackage()!
  const { asns, ranges } = readEyeballNetworks(asnPackage)
  t.same([...asns], packagedAsnKinds().eyeball)
  t.same(ranges, eyeballNetworks(readAsnTable(asnPackage)).ranges)
  t.ok(ranges.v4.length > 1000 && ranges.v6.length > 1000)
  for (const row of ['x,20.0.0.1,7922,a', '20.0.0.0,20.0.0.1,AS7922,a']) {
    const folder = t.testdir({ 'asn-ipv4.csv': `20.0.1.0,20.0.1.1,1,b\n${row}` })
    t.throws(() => readRangesOf({ folder, source: '' }, new Set([COMCAST])), {
      code: 'FST_IP_RISK_BAD_LIST', message: /row 2 of .* is not "first,last,number,name"/
    })
  }
  t.end()
})
