import type { IpRiskLogger, ProviderAnswer } from '../../types/contract.ts'

/** A part of what `lists()` knows. */
export interface Part {
  answer (ip: string): ProviderAnswer
  /** Watches files, says what is missing. Called once. */
  start (log: IpRiskLogger): void
  close (): Promise<void>
}
