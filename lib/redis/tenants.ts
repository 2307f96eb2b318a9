import { badOption } from '../errors.ts'

/** Which provider's verdicts stand in a key space, by the engines of this process that are open. */
const tenants = new Map<string, { readonly provider: string, engines: number }>()

/**
 * Two engines whose providers differ would take each other's entries for misses and write over them. Throws an `IpRiskError`; the function
 * given is to be called when the engine closes.
 */
export function moveIn (keySpace: string, provider: string): () => void {
  const tenant = tenants.get(keySpace) ?? { provider, engines: 0 }
  if (tenant.provider !== provider) {
    throw badOption('cache.keyPrefix', `is the same as that of another engine on this Redis, whose provider is "${tenant.provider}" and not "${provider}": ` +
      'their verdicts would overwrite each other; give each its own keyPrefix')
  }
  tenant.engines++
  tenants.set(keySpace, tenant)
  let moved = false
  return () => {
    if (moved) return
    moved = true
    if (--tenant.engines === 0) tenants.delete(keySpace)
  }
}
