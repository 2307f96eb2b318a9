const known = new WeakMap<object, boolean>()

/** Whether the server listens on a path: then `address()` is a string. Asked once a server. */
export function isUnixListener (server: unknown): boolean {
  if (typeof server !== 'object' || server === null) return false
  const before = known.get(server)
  if (before !== undefined) return before
  const address: unknown = 'address' in server && typeof server.address === 'function' ? server.address() : null
  // A server that is closed already says null: not an answer to keep.
  if (address !== null) known.set(server, typeof address === 'string')
  return typeof address === 'string'
}
