export interface BulkOptions {
  /** Cancels: the iteration ends with the signal's reason, as does what is under way. */
  readonly signal?: AbortSignal | undefined
  /** Called after every row. */
  readonly onProgress?: ((progress: BulkProgress) => void) | undefined
}

export interface BulkProgress {
  /** Different addresses. */
  readonly total: number
  readonly done: number
  /** Of these, known without asking the provider. */
  readonly cached: number
  readonly unknown: number
}

/**
 * `[canonical address, verdict]` as they come, each address once; text that is no address comes back as it was.
 * `break` cancels.
 */
export interface BulkRun<V> extends AsyncIterableIterator<[string, V]> {
  readonly progress: BulkProgress
}
