import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto'

const IV_LENGTH = 12
const TAG_LENGTH = 16

/** AES-256-GCM, as base64url. `boundTo`: it opens only with the same, so that it cannot be put elsewhere. */
export function seal (key: Buffer, boundTo: string, text: string): string {
  const iv = randomBytes(IV_LENGTH)
  const cipher = createCipheriv('aes-256-gcm', key, iv).setAAD(Buffer.from(boundTo))
  const body = Buffer.concat([cipher.update(text), cipher.final()])
  return Buffer.concat([iv, cipher.getAuthTag(), body]).toString('base64url')
}

/** undefined where it was sealed with another secret or for something else, or somebody changed it. */
export function unseal (key: Buffer, boundTo: string, sealed: string): string | undefined {
  const bytes = Buffer.from(sealed, 'base64url')
  if (bytes.length <= IV_LENGTH + TAG_LENGTH) return undefined
  try {
    const decipher = createDecipheriv('aes-256-gcm', key, bytes.subarray(0, IV_LENGTH), { authTagLength: TAG_LENGTH })
      .setAAD(Buffer.from(boundTo)).setAuthTag(bytes.subarray(IV_LENGTH, IV_LENGTH + TAG_LENGTH))
    return Buffer.concat([decipher.update(bytes.subarray(IV_LENGTH + TAG_LENGTH)), decipher.final()]).toString()
  } catch {
    return undefined
  }
}

/** A key of its own for each purpose (HKDF-SHA-256, RFC 5869): what is seen of one use says nothing about another. */
export function derivedKey (
  secret: string,
  purpose: 'ids' | 'broadcasts' | 'exceptions' | 'log' | 'share' | 'familiarity' | 'places'
): Buffer {
  return Buffer.from(hkdfSync('sha256', secret, '', `fastify-ip-risk ${purpose}`, 32))
}
