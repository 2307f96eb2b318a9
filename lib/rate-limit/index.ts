export {
  burstFull, isBurst, learntLimit, localQuota, type Quota, quotaLimits, realWindows, type Windows
} from './quota.ts'
export { type OfflineCause, redisQuota } from './redis-quota.ts'
