import type { ProviderLimits } from '../../types/contract.ts'
import { badOption } from '../errors.ts'
import { checkString, int, readObject, shown, type Specification } from '../util/index.ts'

const calls = int(1, 1_000_000_000, undefined)

const specification = {
  perMinute: calls,
  perDay: calls,
  perCalendarDay: calls,
  perMonth: calls,
  timeZone (path, given) {
    const timeZone = checkString(path, given, undefined)
    try {
      if (timeZone !== undefined) new Intl.DateTimeFormat('en', { timeZone }).format(0)
      return timeZone
    } catch {
      throw badOption(path, `must be an IANA time zone such as "Europe/Berlin", got ${shown(timeZone)}`)
    }
  },
  burst: calls
} satisfies Specification<ProviderLimits>

export const readLimits = (path: string, given: unknown): ProviderLimits => readObject(path, given, specification)
