/**
 * A log as pino, Fastify and pino-http have it: an object of fields first, then one sentence. Warnings and errors have
 * a field `code`, and docs/runbook.md has an entry for each.
 */
export interface IpRiskLogger {
  /** Every other decision, and details for development. */
  debug (fields: object, message?: string): void
  /** Decisions that stopped a visitor, or would have, what recovered, and what an operator changed. */
  info (fields: object, message?: string): void
  /** Something works worse than it should: logged once per state, not once per request. */
  warn (fields: object, message?: string): void
  /** Something that a person has to fix. */
  error (fields: object, message?: string): void
}
