import type { UnknownReason } from '../../types/contract.ts'

type Trait = 'failure' | 'of_provider' | 'shared'
const failure: readonly Trait[] = ['failure', 'of_provider', 'shared']

/**
 * `failure`: something did not work, rather than no data on the address. `of_provider`: a provider can give it; the
 * others come from a list of the operator, a route or an address. `shared`: another process may send it.
 */
const traits: { readonly [R in UnknownReason]: readonly Trait[] } = {
  pending: [],
  not_asked: ['shared'],
  timeout: failure,
  unavailable: failure,
  overloaded: failure,
  rate_limited: failure,
  quota_exhausted: failure,
  rejected: failure,
  bad_response: failure,
  no_data: ['of_provider', 'shared'],
  not_public: ['of_provider'],
  infrastructure: [],
  no_ip: ['of_provider'],
  truncated_headers: [],
  unsupported_family: ['of_provider', 'shared'],
  listed: [],
  skipped: []
}

export const unknownReasons = Object.keys(traits) as readonly UnknownReason[]

const having = (trait: Trait): readonly UnknownReason[] =>
  unknownReasons.filter(reason => traits[reason].includes(trait))

/** Reasons that count as failures. */
export const failureReasons: readonly UnknownReason[] = having('failure')
/** Reasons that a provider can give. */
export const providerReasons: readonly UnknownReason[] = having('of_provider')
/** Reasons that another process may send. */
export const sharedReasons: readonly UnknownReason[] = having('shared')

const failures: ReadonlySet<unknown> = new Set(failureReasons)

export function isFailure (reason: UnknownReason | undefined): boolean {
  return failures.has(reason)
}
