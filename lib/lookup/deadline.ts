/** What `pending` gives, or the fallback when it takes longer or fails. Ends the waiting only: the work goes on for whoever asks next. */
export function waitAtMost<T> (pending: Promise<T>, timeoutMs: number, fallback: () => T): Promise<T> {
  return new Promise(resolve => {
    const timer = setTimeout(() => resolve(fallback()), timeoutMs)
    pending.then(value => {
      clearTimeout(timer)
      resolve(value)
    }, () => {
      clearTimeout(timer)
      resolve(fallback())
    })
  })
}
