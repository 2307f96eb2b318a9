export { allowed } from './allowed.ts'
export { allow, deny, invalidate, revoke } from './changes.ts'
