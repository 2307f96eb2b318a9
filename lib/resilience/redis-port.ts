/** What the guards need of Redis; the client behind it, its time limit and its breaker are somebody else's. */
export interface RedisPort {
  /**
   * Runs a Lua script (loaded once, called by its SHA). Rejects when Redis is away, when it answers with an error,
   * or after `timeoutMs`: the script may have run all the same. All keys share one hash tag.
   */
  run (script: string, keys: readonly string[], args: readonly (string | number)[], timeoutMs: number): Promise<unknown>
}
