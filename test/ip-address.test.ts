import t from 'tap'
import { isIP } from 'node:net'
import fc from 'fast-check'
import { canonicalAddress, parseAddress } from '../lib/ip/address.ts'

t.test('gives the canonical text of what is an address', async t => {
  const rows: [string, string][] = [
    ['192.0.2.1', '192.0.2.1'],
    ['::ffff:192.0.2.1', '192.0.2.1'],
    ['::ffff:c000:201', '192.0.2.1'],
    ['2001:DB8:0:0:0:0:0:1', '2001:db8::1'],
    ['2001:db8:0:1:1:1:1:1', '2001:db8:0:1:1:1:1:1'],
    ['2001:0:0:1:0:0:0:1', '2001:0:0:1::1'],
    ['::', '::'],
    ['1::', '1::'],
    ['64:ff9b::192.0.2.33', '64:ff9b::c000:221'],
    ['::192.0.2.1', '::c000:201'],
    ['1:2:3:4:5:6:7::', '1:2:3:4:5:6:7:0']
  ]
  for (const [text, canonical] of rows) t.equal(canonicalAddress(text), canonical, text)
})

t.test('refuses what is none, and what only looks like one', async t => {
  for (const text of [
    '', '1', '10.1', '1.2.3', '1.2.3.4.5', '01.2.3.4', '1.2.3.256', '1.2.3.4 ', '0x7f.1.1.1', '1..2.3', '.1.2.3', '1.2.3.', '+1.2.3.4',
    '١.2.3.4', ':', ':::', '1:', ':1', '1::2::3', '1:2:3:4:5:6:7', '1:2:3:4:5:6:7:8:9', '1::2:3:4:5:6:7:8', '12345::', 'g::', '::1%eth0', '[::1]',
    '::1.2.3', '1:2:3:4:5:6:7:1.2.3.4', '::1.2.3.4:5', '2130706433', '1'.repeat(46)
  ]) t.equal(canonicalAddress(text), null, text)
})

t.test('agrees with node:net on what an address is, and with WHATWG URL on its canonical text', async () => {
  const part = fc.constantFrom(':', '::', '0', '1', 'ff', 'FFFF', 'abcd', '12345', '192.0.2.1', '%1')
  const ipv6ish = fc.array(part, { maxLength: 17 }).map(parts => parts.join(''))
  fc.assert(fc.property(fc.oneof(fc.ipV4(), fc.ipV6(), ipv6ish, fc.string()), text => {
    const expected = text.includes('%') ? 0 : isIP(text)
    if (expected === 0) return parseAddress(text) === 0
    const canonical = canonicalAddress(text)!
    const oracle = expected === 4 ? text : new URL(`http://[${text}]`).hostname.slice(1, -1)
    const mapped = /^::ffff:[0-9a-f]{1,4}:[0-9a-f]{1,4}$/.test(oracle)
    return canonicalAddress(canonical) === canonical && (mapped ? isIP(canonical) === 4 : canonical === oracle)
  }), { numRuns: 2000 })
})
