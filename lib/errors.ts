import createError from '@fastify/error'

/** Every error that this package throws is one of these (and a Fastify error): `code` says which. */
export class IpRiskError extends Error {
  /** One of `errorCodes`, such as `FST_IP_RISK_BAD_OPTION`. */
  declare readonly code: string
  /** HTTP status: 401, 403, 431 or 499 for a refused request, else 500. */
  declare readonly statusCode?: number
}

/**
 * The code of every error that this package throws or ends a request with.
 *
 * @example
 * if (error.code === errorCodes.stepUpRequired) redirectToLogin()
 */
export const errorCodes: {
  /** An option is unknown, of the wrong type or contradictory. The message names it and the fix. */
  readonly badOption: 'FST_IP_RISK_BAD_OPTION'
  /** The plugin was registered twice in one scope. */
  readonly alreadyRegistered: 'FST_IP_RISK_ALREADY_REGISTERED'
  /** 403: the decision was `block`. */
  readonly blocked: 'FST_IP_RISK_BLOCKED'
  /** 431: on a marked write, so many header lines that Node may have dropped the one that names the client. */
  readonly truncatedHeaders: 'FST_IP_RISK_TRUNCATED_HEADERS'
  /** 401: the decision was `step_up_auth`, and `stepUp.isSatisfied` did not answer `true`. */
  readonly stepUpRequired: 'FST_IP_RISK_STEP_UP'
  /** 499: the client left before the handler started. Nobody receives it. */
  readonly clientGone: 'FST_IP_RISK_CLIENT_GONE'
  /** A list of addresses cannot be read or was refused. */
  readonly badList: 'FST_IP_RISK_BAD_LIST'
  /** A compiled snapshot of lists cannot be used. */
  readonly badSnapshot: 'FST_IP_RISK_BAD_SNAPSHOT'
} = Object.freeze({
  badOption: 'FST_IP_RISK_BAD_OPTION',
  alreadyRegistered: 'FST_IP_RISK_ALREADY_REGISTERED',
  blocked: 'FST_IP_RISK_BLOCKED',
  truncatedHeaders: 'FST_IP_RISK_TRUNCATED_HEADERS',
  stepUpRequired: 'FST_IP_RISK_STEP_UP',
  clientGone: 'FST_IP_RISK_CLIENT_GONE',
  badList: 'FST_IP_RISK_BAD_LIST',
  badSnapshot: 'FST_IP_RISK_BAD_SNAPSHOT'
})

type Thrown = new (message?: string, options?: { cause: unknown }) => IpRiskError

function define (code: string, message: string, statusCode?: number): Thrown {
  return createError(code, message, statusCode, IpRiskError as unknown as ErrorConstructor) as unknown as Thrown
}

/** An option is unknown, of the wrong type or contradictory. The message names it and the fix. */
export const BadOption: Thrown = define(errorCodes.badOption, '%s')
/** The plugin was registered twice in one scope. */
export const AlreadyRegistered: Thrown = define(errorCodes.alreadyRegistered,
  'fastify-ip-risk is registered in this scope already: register it once, and again only inside a child scope')
/** 403. Says nothing about the verdict: the visitor sees it. */
export const Blocked: Thrown = define(errorCodes.blocked, 'This request was refused', 403)
/** 431. So many header lines, on a marked write, that Node may have dropped the one that names the client. */
export const TruncatedHeaders: Thrown = define(
  errorCodes.truncatedHeaders, 'This request has too many header lines', 431)
/** 401 beside a `WWW-Authenticate` challenge. */
export const StepUpRequired: Thrown = define(
  errorCodes.stepUpRequired, 'A stronger or more recent authentication is required', 401)
/**
 * 499, as in nginx: the client left before the handler started. Nobody receives it; hooks, error handlers and logs see
 * it.
 */
export const ClientGone: Thrown = define(errorCodes.clientGone, 'The client left before this request was handled', 499)
/** A list of addresses cannot be read, or was refused. The message says why; a list that was there before stays. */
export const BadList: Thrown = define(errorCodes.badList, 'This list cannot be used: %s')
/** A compiled snapshot of lists that cannot be used: damaged, cut off, of another version. */
export const BadSnapshot: Thrown = define(errorCodes.badSnapshot,
  'This snapshot of lists cannot be used: %s. Make a new one with "ip-risk lists compile"')

/** `badOption('cache.ttlSeconds', 'must be …, got 0')`: the option's path first, then what is wrong and the fix. */
export function badOption (path: string, problem: string, cause?: unknown): IpRiskError {
  const message = `fastify-ip-risk: option "${path}" ${problem}`
  return cause === undefined ? new BadOption(message) : new BadOption(message, { cause })
}
