// A provider of one's own on the shared HTTP base: proxycheck.io, explained in docs/providers.md.
import { httpProvider, knownAnswer, type Category, type Provider } from 'fastify-ip-risk'

interface Detections { readonly proxy: boolean, readonly vpn: boolean, readonly tor: boolean, readonly risk: number }
type Reply = Readonly<Record<string, { readonly detections?: Detections } | undefined>> & { readonly status?: unknown }

export const proxycheck = (key: string, baseUrl = 'https://proxycheck.io'): Provider => httpProvider<Reply>({
  name: 'proxycheck',
  baseUrl,
  secret: key,
  limits: { perCalendarDay: 1_000 },
  request: (ip, secret) => ({ path: `/v3/${ip}`, query: { key: secret } }),
  read (body, ip) {
    if (body.status === 'denied') return { verdict: 'unknown', reason: 'rejected', retryAfterSeconds: 3_600, alert: 'proxycheck.io refuses our key' }
    const found = body[ip]?.detections
    const flags = ['vpn', 'proxy', 'tor'] satisfies Category[]
    // Absent is not false: without a flag, the answer would read as clean.
    if (typeof found?.risk !== 'number' || flags.some(flag => typeof found[flag] !== 'boolean')) return null
    const categories = flags.filter(flag => found[flag])
    const verdict = categories.length > 0 ? 'vpn_detected' : found.risk > 66 ? 'suspicious' : 'clean'
    return knownAnswer(verdict, { score: found.risk / 100, categories })
  }
})
