import type { IpRiskLogger, RawRequest } from '../../types/contract.ts'

/** The application's proof of the edge, made safe to call: only `true` proves, and what does not work is logged once. */
export function edgeProof (
  proof: ((request: RawRequest) => unknown) | undefined, log: Pick<IpRiskLogger, 'warn'> | undefined
): (request: RawRequest) => boolean {
  if (proof === undefined) return () => true
  let said = false
  const say = (fields: object, problem: string): void => {
    if (said) return
    said = true
    log?.warn({ code: 'IP_RISK_CLOUDFLARE_PROOF_FAILED', ...fields }, `clientIp.cloudflare.proof ${problem}: no request counts as coming from Cloudflare then`)
  }
  return request => {
    try {
      const answer = proof(request)
      if (answer instanceof Promise) {
        answer.catch(() => {}) // its failure is told of below
        say({}, 'must answer at once, and returned a promise')
      }
      return answer === true
    } catch (error) {
      say({ err: error }, 'threw')
      return false
    }
  }
}
