import type { PublishedList } from '../../lists/index.ts'

export interface Settings {
  readonly folder: string
  readonly sources: readonly PublishedList[]
  readonly pulled: readonly PublishedList[]
  readonly mirror: string | undefined
  readonly acceptSize: boolean
  readonly timeoutMs: number
  readonly networks: boolean
  readonly json: boolean
}
