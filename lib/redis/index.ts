export type { ScriptRunner } from './client.ts'
export { clusterPrefix, connect as connectRedis } from './connect.ts'
export { openFleet } from './fleet.ts'
export { createKeys } from './keys.ts'
