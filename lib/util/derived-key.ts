import { hkdfSync } from 'node:crypto'

/** A key of its own for each purpose (HKDF-SHA-256, RFC 5869): what is seen of one use says nothing about another. */
export function derivedKey (
  secret: string,
  purpose: 'ids' | 'broadcasts' | 'exceptions' | 'log' | 'share' | 'familiarity' | 'places'
): Buffer {
  return Buffer.from(hkdfSync('sha256', secret, '', `fastify-ip-risk ${purpose}`, 32))
}
