// A provider of one's own on the shared HTTP base: proxycheck.io, explained in docs/providers.md.
import { httpProvider, knownAnswer, type Provider } from 'fastify-ip-risk'

interface Reply { status?: string, [ip: string]: { detections?: { proxy: boolean, vpn: boolean, tor: boolean, risk: number } } | string | undefined }

export const proxycheck = (key: string, baseUrl = 'https://proxycheck.io'): Provider => httpProvider<Reply>({
  name: 'proxycheck',
  baseUrl,
  limits: { perDay: 1_000 },
  request: ip => ({ path: `/v3/${ip}`, query: { key } }),
  read (body, ip) {
    if (body.status === 'denied') return { verdict: 'unknown', reason: 'rejected', retryAfterSeconds: 3_600, alert: 'proxycheck.io refuses our key' }
    const row = body[ip]
    if (typeof row !== 'object' || typeof row.detections?.risk !== 'number') return null
    const { proxy, vpn, tor, risk } = row.detections
    const categories = [vpn && 'vpn', proxy && 'proxy', tor && 'tor'].filter(category => category !== false)
    return knownAnswer(categories.length > 0 ? 'vpn_detected' : risk > 66 ? 'suspicious' : 'clean', { score: risk / 100, categories })
  }
})
