/** One piece of work a key: who asks while it is under way gets the same promise. Bounded by what is under way, never evicted. */
export interface Flights<T> {
  get (key: string): Promise<T> | undefined
  start (key: string, work: () => Promise<T>): Promise<T>
}

export function createFlights<T> (): Flights<T> {
  const underWay = new Map<string, Promise<T>>()
  return {
    get: key => underWay.get(key),
    start (key, work) {
      const flight = work().finally(() => underWay.delete(key))
      underWay.set(key, flight)
      return flight
    }
  }
}
