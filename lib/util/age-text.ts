const units = [[86_400, 'day'], [3_600, 'hour'], [60, 'minute']] as const

/** An age for people, in the largest unit of which there are two: `47 hours`, `3 days`. */
export function ageText (seconds: number): string {
  const [size, name] = units.find(([size]) => seconds >= 2 * size) ?? [60, 'minute']
  return counted(Math.floor(seconds / size), name)
}

/** A number with its noun, for people: `1 request`, `2 requests`. `text`: how the number is written. */
export function counted (count: number, noun: string, text: string = String(count)): string {
  return `${text} ${noun}${count === 1 ? '' : 's'}`
}
