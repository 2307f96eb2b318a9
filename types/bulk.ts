/** The options of `bulk()`. */
export interface BulkOptions {
  /** Cancels: the iteration ends with the signal's reason, as does what is under way. */
  readonly signal?: AbortSignal | undefined
  /** Called after every row. */
  readonly onProgress?: ((progress: BulkProgress) => void) | undefined
}

/** How far a `bulk()` is. All are counts of different addresses. */
export interface BulkProgress {
  /** Different addresses. */
  readonly total: number
  /** Rows that were given so far. */
  readonly done: number
  /** Of these, known without asking the provider. */
  readonly cached: number
  /** Of `done`, those whose verdict is `unknown`. */
  readonly unknown: number
}

/**
 * `[canonical address, verdict]` as they come, each address once; text that is no address comes back as it was.
 * `break` cancels.
 */
export interface BulkRun<V> extends AsyncIterableIterator<[string, V]> {
  /** How far it is now; `onProgress` gets the same after every row. */
  readonly progress: BulkProgress
}
