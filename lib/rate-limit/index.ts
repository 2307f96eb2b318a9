export {
  burstFull, isBurst, isOwnRefusal, learntLimit, localQuota, type Quota, quotaLimits, realWindows, type Windows
} from './quota.ts'
export { type CalendarBudget, calendarBudget, type Charge, withCharges } from './calendar.ts'
export { type CalendarUnit, calendarWindow, hasJustBegun } from './calendar-window.ts'
export { type OfflineCause, redisQuota } from './redis-quota.ts'
export { readLimits } from './limits.ts'
