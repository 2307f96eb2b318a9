import type { RouteContext } from '../../../types/contract.ts'
import { UsageError } from '../command.ts'
import { type ReviewRecord, toUtf8 } from './record.ts'

/** As which action, and whether as a write, the policy decides about a record. */
export interface RouteRules {
  /** Records with the same key have the same context. */
  keyOf (record: ReviewRecord): string
  contextOf (record: ReviewRecord): Partial<RouteContext> & Pick<RouteContext, 'write'>
  /** The action or the route, for a chart. */
  nameOf (record: ReviewRecord): string
}

const safeMethods = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE'])

interface Route { readonly method: string, readonly path: string, readonly action: string }

/**
 * `action`: of every record without one of its own. `routes`: texts such as `POST /signup=signup`. Records without a
 * method, such as those of a list of sign-ups, count as writes. Throws `UsageError`.
 */
export function routeRules (action: string | undefined, routes: readonly string[]): RouteRules {
  const known = routes.map((text): Route => {
    const [, method, path, name] = /^([A-Z]+) (\/[^=]*)=([a-z0-9_-]+)$/i.exec(text) ?? []
    if (method === undefined) throw new UsageError(`--route must be like "POST /signup=signup", got "${text}"`)
    return { method: method.toUpperCase(), path: path!, action: name! }
  })

  function actionOf ({ action: own, method, path }: ReviewRecord): string | null {
    if (own !== undefined && own !== '') return toUtf8(own)
    if (known.length > 0 && path !== undefined) {
      const bare = withoutQuery(path)
      const route = known.find(route => route.method === method && route.path === bare)
      if (route !== undefined) return route.action
    }
    return action ?? null
  }

  function isWrite (record: ReviewRecord): boolean {
    return record.method === undefined || !safeMethods.has(record.method)
  }

  return {
    keyOf: record => `${actionOf(record) ?? ''} ${record.method ?? ''}`,
    contextOf (record) {
      const named = actionOf(record)
      return {
        write: named !== null || isWrite(record),
        ...named !== null && { action: named as NonNullable<RouteContext['action']> },
        ...record.method !== undefined && { method: record.method }
      }
    },
    nameOf (record) {
      const named = actionOf(record)
      if (named !== null) return named
      if (record.path === undefined) return ''
      return `${record.method ?? ''} ${pattern(toUtf8(withoutQuery(record.path)))}`.trim()
    }
  }
}

function withoutQuery (path: string): string {
  const end = path.search(/[?#;]/)
  return end < 0 ? path : path.slice(0, end)
}

/** `/users/17/posts` as `/users/:id/posts`, so that one route is one name. */
function pattern (path: string): string {
  return path.split('/').slice(0, 8).map(part => (
    part.length > 40 || /^(?:\d+|[0-9a-f]{8,}[0-9a-f-]*)$/i.test(part) ? ':id' : part
  )).join('/')
}
