import type { KnownAnswer } from '../../types/contract.ts'
export function parseIplogsBody (value: any, _ip: string): KnownAnswer | null { return value?.x ?? null }
export function toIplogsBody (answer: KnownAnswer, _ip: string): object { return { x: answer } }
