// Time-based one-time passwords, RFC 6238: HMAC-SHA-1 over 30-second steps, six digits, as every authenticator app has them.
import { createHmac, timingSafeEqual } from 'node:crypto'

const STEP_SECONDS = 30
const DIGITS = 6

/** The code of one step; a step is the number of 30 seconds since 1970. */
export function totp (secret: Buffer, step: number): string {
  const counter = Buffer.alloc(8)
  counter.writeBigUInt64BE(BigInt(step))
  const mac = createHmac('sha1', secret).update(counter).digest()
  const offset = mac[mac.length - 1]! & 0xf // dynamic truncation, RFC 4226 section 5.3
  const number = (mac.readUInt32BE(offset) & 0x7fffffff) % 10 ** DIGITS
  return String(number).padStart(DIGITS, '0')
}

/**
 * The step that a code belongs to, or undefined when it is wrong. One step of clock drift either way is let pass. Keep the
 * step, and give it as `usedStep` next time: a code is good once, or somebody who looks over the shoulder has it too.
 */
export function matchingStep (secret: Buffer, code: unknown, usedStep: number, nowMs: number = Date.now()): number | undefined {
  if (typeof code !== 'string' || !/^\d{6}$/.test(code)) return undefined
  const current = Math.floor(nowMs / 1000 / STEP_SECONDS)
  const isCodeOf = (step: number): boolean => timingSafeEqual(Buffer.from(totp(secret, step)), Buffer.from(code))
  return [current, current - 1, current + 1].find(step => step > usedStep && isCodeOf(step))
}
