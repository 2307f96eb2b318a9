const units = [[86_400, 'day'], [3_600, 'hour'], [60, 'minute']] as const

/** An age for people, in the largest unit of which there are two: `47 hours`, `3 days`. */
export function ageText (seconds: number): string {
  const [size, name] = units.find(([size]) => seconds >= 2 * size) ?? [60, 'minute']
  const count = Math.floor(seconds / size)
  return `${count} ${name}${count === 1 ? '' : 's'}`
}
