export { createFamiliarity, type FamiliarityService, type Visit } from './familiarity.ts'
export { createAccountMemory } from './memory.ts'
export { CONFIRMED, type Strength, TRUSTED } from './history.ts'
export { type FamiliaritySettings, readFamiliarity } from './options.ts'
