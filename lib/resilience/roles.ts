import type { Provider } from '../../types/contract.ts'
import { badOption } from '../errors.ts'
import { decidingMembersOf, isComposite, membersOf } from '../verdict/index.ts'

/**
 * The providers and composites below a root that decide: all but the candidates. Throws where a candidate would use the
 * quota of one that decides.
 */
export function decidingProviders (root: Provider): ReadonlySet<Provider> {
  const deciding = new Set<Provider>()
  const measured = new Set<Provider>()

  function visit (provider: Provider, isMeasured: boolean): void {
    (isMeasured ? measured : deciding).add(provider)
    const used = decidingMembersOf(provider)
    for (const member of membersOf(provider)) visit(member, isMeasured || !used.includes(member))
  }
  visit(root, false)

  const quotas = new Set([...deciding].filter(hasQuota).map(quotaOf))
  for (const provider of measured) {
    if (hasQuota(provider) && quotas.has(quotaOf(provider))) {
      throw badOption('provider', `measures "${provider.name}" as a candidate on the quota "${quotaOf(provider)}" of ` +
        'a provider that decides, so it could use that provider\'s calls: give it another account, and a ' +
        '"quotaName" of its own')
    }
  }
  return deciding
}

/** The providers that are called, each once. */
export function leavesOf (provider: Provider): Provider[] {
  return isComposite(provider) ? [...new Set(membersOf(provider).flatMap(leavesOf))] : [provider]
}

export function quotaOf ({ quotaName, name }: Provider): string {
  return quotaName ?? name
}

function hasQuota (provider: Provider): boolean {
  return !isComposite(provider) && provider.sync !== true
}
