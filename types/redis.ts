/**
 * The part of an ioredis client, `Redis` or `Cluster`, that this plugin uses. Described structurally, so that any copy
 * and version of ioredis fits, and so does another client with the same methods.
 */
export interface RedisClientLike {
  /** `ready` when commands are sent at once. */
  readonly status: string
  /** True for a `Cluster`. */
  readonly isCluster: boolean
  /** The client's own options. One of them is read. */
  readonly options: {
    /** What the client puts before each key. Channels have no prefix. */
    readonly keyPrefix?: string | undefined
  }
  /** Runs a script by its SHA-1. */
  evalsha (sha1: string, keyCount: number, ...keysAndArguments: (string | number)[]): Promise<unknown>
  /** Runs a script by its text, where Redis does not know its SHA-1 yet. */
  eval (script: string, keyCount: number, ...keysAndArguments: (string | number)[]): Promise<unknown>
  /** Asks whether Redis is there. */
  ping (): Promise<unknown>
  /** Called only on the client that `duplicate` gave. */
  subscribe (...channels: string[]): Promise<unknown>
  /** Called on a client that was made with `lazyConnect`. */
  connect (): Promise<void>
  /** Closes the connection at once. Called only on clients that this plugin made. */
  disconnect (): void
  /** One more client with the same options, for messages. This plugin closes it. */
  duplicate (...overrides: never[]): RedisClientLike
  /** For the events `ready`, `close`, `error` and `message`. */
  on (event: string, listener: (...args: any[]) => void): unknown
  /** Removes one listener. */
  off (event: string, listener: (...args: any[]) => void): unknown
  /** Called only on clients that this plugin made. */
  removeAllListeners (event?: string): unknown
}

/**
 * Options for a client that this plugin makes: those of ioredis, of which these are the most used. An object of the
 * type `RedisOptions` of ioredis fits as well.
 */
export interface RedisOptionsLike {
  /** Default `localhost`. */
  readonly host?: string | undefined
  /** Default 6379. */
  readonly port?: number | undefined
  /** A unix socket, instead of `host` and `port`. */
  readonly path?: string | undefined
  /** IP version: 4, 6, or 0 for both. */
  readonly family?: number | undefined
  /** User of the ACL. Default: the default user. */
  readonly username?: string | undefined
  /** Default: no authentication. */
  readonly password?: string | undefined
  /** Number of the database. Default 0. */
  readonly db?: number | undefined
  /** Options of `tls.connect`. Without it the connection is not encrypted. */
  readonly tls?: object | undefined
  /** Addresses of Sentinels, which know the primary. */
  readonly sentinels?: {
    /** Name or address. */
    host?: string | undefined
    /** Port. Sentinels listen on 26379 by default. */
    port?: number | undefined
  }[] | undefined
  /** Name of the primary, with `sentinels`. */
  readonly name?: string | undefined
  /** User of the Sentinels' ACL. Default: none. */
  readonly sentinelUsername?: string | undefined
  /** Of the Sentinels. Default: none; `password` is not used for them. */
  readonly sentinelPassword?: string | undefined
  /** Put before each key by the client. Use `cache.keyPrefix` instead. */
  readonly keyPrefix?: string | undefined
  /** As `CLIENT LIST` shows it. */
  readonly connectionName?: string | undefined
  /** Milliseconds. Default 1 000. */
  readonly connectTimeout?: number | undefined
  /** Milliseconds without a reply after which the connection is closed. Default 2 000. */
  readonly socketTimeout?: number | undefined
  /** Milliseconds before attempt `times` to reconnect. Default 50 to 1 000. */
  readonly retryStrategy?: ((times: number) => number | void | null) | undefined
}
