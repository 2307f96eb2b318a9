// What finding the client's address costs, beside other libraries: ns a call, best run of several, one process a library and shape.
//   npm run build && cd bench && npm install && node client-ip.js [--rounds 3] [--against FOLDER]
// Compare the columns, not the figures: those move with the machine. `target` is 1.5 times what the walk was measured to need at
// least, as a part of proxy-addr.
import { execFileSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { entryOf, otherBuild, otherNames } from './against.js'

const cloudflare = [
  '103.21.244.0/22', '103.22.200.0/22', '103.31.4.0/22', '104.16.0.0/13', '104.24.0.0/14', '108.162.192.0/18', '131.0.72.0/22',
  '141.101.64.0/18', '162.158.0.0/15', '172.64.0.0/13', '173.245.48.0/20', '188.114.96.0/20', '190.93.240.0/20', '197.234.240.0/22', '198.41.128.0/17'
]
const internal = ['10.0.0.0/8']

const oneHop = { trusted: internal, part: 106 / 807, request: i => ['10.0.0.1', { 'x-forwarded-for': v4(i) }], answer: v4 }

// `answer` is what a library that checks anything must say of request i. `part`: attainable / proxy-addr, measured on one machine.
const shapes = {
  A: { what: 'no headers', trusted: internal, part: 55 / 69, request: i => [v4(i), {}], answer: v4 },
  // More clients in turn than the resolver remembers; F: few that return.
  B: { what: '1 hop, 1 trusted proxy, 4,096 clients', ...oneHop, clients: 4096 },
  C: {
    what: '5 hops, 15 Cloudflare CIDRs',
    trusted: cloudflare,
    part: 367 / 4214,
    request: i => ['173.245.48.5', { 'x-forwarded-for': `${v4(i)}, 162.158.${i}.1, 104.16.${i}.2, 172.64.${i}.3, 198.41.200.${i}` }],
    answer: v4
  },
  D: {
    what: 'Cloudflare edge, 1 hop, CF header',
    trusted: cloudflare,
    edge: true,
    part: 86 / 889,
    request: i => ['173.245.48.5', { 'x-forwarded-for': v4(i), 'cf-connecting-ip': v4(i) }],
    answer: v4
  },
  E: {
    what: 'mapped peer, mapped hop, IPv6 client',
    trusted: internal,
    part: 774 / 8004,
    request: i => ['::ffff:10.0.0.1', { 'x-forwarded-for': `${v6(i)}, ::ffff:10.0.0.2` }],
    answer: v6
  },
  F: { what: 'as B, 64 clients', ...oneHop }
}
// Public ones: a library may refuse the documentation ranges.
function v4 (i) { return `93.184.${200 + (i >> 8)}.${i & 255}` }
function v6 (i) { return `2a00:1450:85a3:${(i + 4096).toString(16)}:1:8a2e:370:${(i + 1).toString(16)}` }

const libraries = {
  async 'fastify-ip-risk' ({ trusted, edge }, name = 'fastify-ip-risk') {
    const { createClientIpResolver } = await import(entryOf(name))
    const resolve = createClientIpResolver(edge ? { cloudflare: true } : { trusted })
    return request => resolve(request).ip
  },
  ...otherNames.length > 0 && { [otherBuild]: shape => libraries['fastify-ip-risk'](shape, otherBuild) },
  async 'proxy-addr' ({ trusted }) {
    const { default: proxyAddr } = await import('proxy-addr')
    const trust = proxyAddr.compile(trusted)
    return request => proxyAddr(request, trust)
  },
  async '@fastify/proxy-addr' ({ trusted }) {
    const { default: proxyAddr } = await import('@fastify/proxy-addr')
    const trust = proxyAddr.compile(trusted)
    return request => proxyAddr(request, trust)
  },
  async 'request-ip' () {
    const { default: requestIp } = await import('request-ip')
    return request => requestIp.getClientIp(request)
  },
  async '@arcjet/ip' ({ trusted, edge }) {
    const { default: findIp, cloudflare: service, parseProxies } = await import('@arcjet/ip')
    const proxies = parseProxies(edge ? [service()] : trusted)
    return request => findIp(request, { proxies })
  }
}

/** Requests as Node hands them over: flat strings, and headers that have nothing to do with it. */
function requests ({ request, clients = 64 }) {
  return Array.from({ length: clients }, (_, i) => {
    const [remoteAddress, headers] = request(i + 1)
    const rest = { host: 'app.example', 'user-agent': 'Mozilla/5.0 (X11; Linux x86_64)', accept: '*/*', 'accept-encoding': 'gzip, deflate' }
    const all = { ...rest, ...headers }
    const socket = { remoteAddress, server: { maxHeadersCount: 0 } }
    return JSON.parse(JSON.stringify({ socket, headers: all, rawHeaders: Object.entries(all).flat(), httpVersionMajor: 1 }))
  })
}

async function measure (library, shape) {
  const find = await libraries[library](shapes[shape])
  const all = requests(shapes[shape])
  let wrong = 0
  all.forEach((request, i) => { if (find(request) !== shapes[shape].answer(i + 1)) wrong++ })
  let best = Infinity
  let sink = 0
  const until = performance.now() + 700
  for (let run = 0; run < 8 || performance.now() < until; run++) {
    const calls = 20_000
    const start = process.hrtime.bigint()
    for (let i = 0; i < calls; i++) sink += find(all[i & (all.length - 1)])?.length ?? 0
    best = Math.min(best, Number(process.hrtime.bigint() - start) / calls)
  }
  return { ns: best, wrong: wrong > 0, sink }
}

if (process.argv[2] === '--measure') {
  console.log(JSON.stringify(await measure(process.argv[3], process.argv[4])))
} else {
  const rounds = Number(process.argv[process.argv.indexOf('--rounds') + 1]) || 3
  const best = {}
  for (let round = 0; round < rounds; round++) {
    for (const shape of Object.keys(shapes)) {
      for (const library of Object.keys(libraries)) {
        const { ns, wrong } = JSON.parse(execFileSync(process.execPath, [fileURLToPath(import.meta.url), '--measure', library, shape], { encoding: 'utf8' }))
        const key = `${library} ${shape}`
        best[key] = { ns: Math.min(ns, best[key]?.ns ?? Infinity), wrong }
      }
    }
  }
  console.table(Object.fromEntries(Object.entries(shapes).map(([shape, { what, part }]) => {
    const cells = Object.keys(libraries).map(library => {
      const { ns, wrong } = best[`${library} ${shape}`]
      return [library, `${ns.toFixed(0)}${wrong ? ' (another answer)' : ''}`]
    })
    const ratio = best[`fastify-ip-risk ${shape}`].ns / best[`proxy-addr ${shape}`].ns
    return [`${shape} ${what}`, { ...Object.fromEntries(cells), 'ours / proxy-addr': ratio.toFixed(3), target: (part * 1.5).toFixed(3) }]
  })))
}
