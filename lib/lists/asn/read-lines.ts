import { closeSync, existsSync, fstatSync, openSync, readSync } from 'node:fs'
import { BadList } from '../../errors.ts'

const CHUNK_BYTES = 256 * 1024
const NEWLINE = 10

/** Calls back with each line that is not empty, and with how much of the file was read, 0..1. Holds one part of it. */
export function eachLine (path: string, onLine: (line: string, part: number) => void): void {
  if (!existsSync(path)) throw new BadList(`${path} is missing`)
  const file = openSync(path, 'r')
  try {
    const { size } = fstatSync(file)
    let buffer = Buffer.alloc(CHUNK_BYTES)
    let kept = 0
    let done = 0
    for (let bytes = -1; bytes !== 0;) {
      bytes = readSync(file, buffer, kept, buffer.length - kept, null)
      done += bytes
      const filled = kept + bytes
      let start = 0
      for (;;) {
        const found = buffer.subarray(0, filled).indexOf(NEWLINE, start)
        const end = found < 0 && bytes === 0 ? filled : found
        if (end < 0) break
        if (end > start) onLine(buffer.toString('utf8', start, end), done / size)
        start = end + 1
        if (start > filled) break
      }
      buffer.copyWithin(0, start, filled)
      kept = Math.max(0, filled - start)
      if (kept === buffer.length) buffer = Buffer.concat([buffer, Buffer.alloc(buffer.length)])
    }
  } finally {
    closeSync(file)
  }
}

/** Words of which the number is not known before; an array of numbers takes up to four times as much. */
interface GrowingWords {
  push (word: number): void
  whole (): Uint32Array
}

export function growingWords (): GrowingWords {
  let array = new Uint32Array(1024)
  let length = 0
  return {
    push (word) {
      if (length === array.length) {
        const larger = new Uint32Array(2 * length)
        larger.set(array)
        array = larger
      }
      array[length++] = word
    },
    whole: () => array.subarray(0, length)
  }
}
