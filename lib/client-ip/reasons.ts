import type { ResolveReason } from '../../types/contract.ts'

/** What each reason means, for people. */
export const reasonText: { readonly [R in ResolveReason]: string } = {
  'peer-untrusted': 'the peer is not listed as a proxy, so forwarding headers are its own claims',
  'header-missing': 'a proxy did not send the header that should name its client',
  'multiple-values': 'the header stands there more than once, and only one can be right',
  'invalid-value': 'the header holds no address',
  'invalid-hop': 'an entry of the chain is no address, and nothing is skipped',
  'hop-limit': 'the chain is longer than any deployment',
  'too-few-hops': 'the chain is shorter than clientIp.hops says',
  'not-cloudflare': 'the hop that sent it is not Cloudflare',
  'private-client-from-public-proxy': 'Cloudflare cannot know a client with a private address',
  conflict: 'CF-Connecting-IP and X-Forwarded-For name different addresses; Cloudflare\'s header wins',
  'all-hops-trusted': 'every address of the chain is a listed proxy, so the furthest one is the caller',
  'no-peer': 'the connection has no usable address',
  'truncated-headers': 'Node may have dropped header lines, the proxy\'s among them, so none is believed'
}
