import { isDeepStrictEqual } from 'node:util'
import type { EngineOptions } from '../../types/contract.ts'

/** Whether the options of a child scope leave the engine as its parent made it. */
export function sharesEngine (parent: EngineOptions, child: EngineOptions): boolean {
  return child.provider === undefined || child.provider === parent.provider
    ? (['redis', 'clientIp', 'cache'] as const)
        .every(name => child[name] === undefined || sameValue(child[name], parent[name]))
    : false
}

function sameValue (a: unknown, b: unknown): boolean {
  return a === b || (isPlain(a) && isPlain(b) && isDeepStrictEqual(a, b))
}

function isPlain (value: unknown): boolean {
  return typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype
}
