import { badOption } from '../../errors.ts'
import { publishers } from '../../lists/index.ts'
import { checkNumber, checkString, checkStrings } from '../../util/index.ts'

interface RefreshOptions {
  readonly refreshHours?: unknown
  readonly mirror?: unknown
  readonly skip?: unknown
}

export interface RefreshSettings {
  readonly hours: number
  readonly mirror: string | undefined
  readonly skip: readonly string[]
}

/** Undefined: this process does not pull. Throws an `IpRiskError` that names the option. */
export function checkRefresh (
  options: RefreshOptions, snapshot: boolean | string, watch: boolean
): RefreshSettings | undefined {
  const hours = checkNumber('lists.refreshHours', options.refreshHours, undefined, { min: 1, max: 24, integer: false })
  const mirror = checkString('lists.mirror', options.mirror, undefined)
  const skip = checkStrings('lists.skip', options.skip)
  if (hours === undefined) {
    const without = mirror !== undefined ? 'mirror' : skip.length > 0 ? 'skip' : undefined
    if (without === undefined) return undefined
    throw badOption(`lists.${without}`, 'says how this process pulls the public lists: give refreshHours too')
  }
  if (snapshot !== true) {
    throw badOption('lists.refreshHours', 'pulls into the cache folder, which is not read: set snapshot to true')
  }
  if (!watch) {
    throw badOption('lists.refreshHours', 'has no effect with watch: false, which keeps what was loaded first')
  }
  if (mirror !== undefined && !/^https?:$/.test(URL.canParse(mirror) ? new URL(mirror).protocol : '')) {
    throw badOption('lists.mirror', 'must be an http or https URL')
  }
  skip.forEach((id, i) => {
    if (publishers.some(list => list.id === id)) return
    throw badOption(`lists.skip[${i}]`, `is no public list: use some of ${publishers.map(list => list.id).join(', ')}`)
  })
  return { hours, mirror, skip }
}
