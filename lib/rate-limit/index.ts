export { learntLimit } from './learnt-limit.ts'
export { burstFull, isBurst, localQuota, type Quota, quotaLimits, realWindows, type Windows } from './quota.ts'
export { redisQuota, type OfflineCause } from './redis-quota.ts'
