export class TooLate extends Error {}

/** Rejects with `TooLate` and this message when the time is over. What was started goes on. */
export async function within<T> (ms: number, pending: Promise<T>, late = `no answer within ${ms} ms`): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const over = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new TooLate(late)), ms)
  })
  try {
    return await Promise.race([pending, over])
  } finally {
    clearTimeout(timer)
  }
}
