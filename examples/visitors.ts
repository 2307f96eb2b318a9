import { lists } from 'fastify-ip-risk'
import type { Provider } from 'fastify-ip-risk'

/** Documentation addresses (RFC 5737) that stand for one visitor of each kind. */
export const visitors = {
  customer: '203.0.113.10',
  relayUser: '203.0.113.20',
  hosted: '198.51.100.30',
  proxied: '198.51.100.40',
  torUser: '198.51.100.50',
  stranger: '192.0.2.60'
} as const

/** The embedded provider on a list of our own. Without `sources` it answers from the public lists that `ip-risk lists pull` fetches. */
export function exampleLists (): Provider {
  return lists({
    covers: ['203.0.113.0/24', '198.51.100.0/24'],
    sources: [
      { id: 'example-relays', kind: 'relay', entries: [visitors.relayUser] },
      { id: 'example-hosting', kind: 'hosting', entries: [visitors.hosted] },
      { id: 'example-proxies', kind: 'public-proxy', entries: [visitors.proxied] },
      { id: 'example-tor-exits', kind: 'tor-exit', entries: [visitors.torUser] }
    ]
  })
}
