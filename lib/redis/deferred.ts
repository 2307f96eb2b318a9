/** A promise, and the function that resolves it. (`Promise.withResolvers` needs Node 22.) */
export function deferred<T> (): { readonly promise: Promise<T>, resolve (value: T): void } {
  let settle!: (value: T) => void
  const promise = new Promise<T>(resolve => { settle = resolve })
  return { promise, resolve: settle }
}
