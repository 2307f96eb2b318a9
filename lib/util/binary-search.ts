/**
 * Index of the first number above `value` in `sorted[low, high)`, or `high`: everything before it is at most `value`.
 * `sorted` ascends. With `stride`, indices count rows of so many numbers, of which the first is compared.
 */
export function upperBound (
  sorted: ArrayLike<number>, value: number, low = 0, high: number = sorted.length, stride = 1
): number {
  while (low < high) {
    const middle = (low + high) >>> 1
    if (sorted[middle * stride]! <= value) low = middle + 1
    else high = middle
  }
  return low
}

/**
 * The same for keys of several words, most significant first. A row has `stride` words, of which the first `key.length`
 * are compared; `low` and `high` count rows.
 */
export function upperBoundOfRows (
  sorted: ArrayLike<number>, key: ArrayLike<number>, stride: number = key.length, low = 0,
  high: number = sorted.length / stride
): number {
  while (low < high) {
    const middle = (low + high) >>> 1
    if (compareRow(sorted, middle * stride, key) <= 0) low = middle + 1
    else high = middle
  }
  return low
}

/** Negative where `sorted[at...]` is below `key`, 0 where they are equal, positive where it is above. */
export function compareRow (sorted: ArrayLike<number>, at: number, key: ArrayLike<number>): number {
  for (let i = 0; i < key.length; i++) {
    const difference = sorted[at + i]! - key[i]!
    if (difference !== 0) return difference
  }
  return 0
}
