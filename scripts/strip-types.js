// Runs .ts files without a compiler: `node --import ./scripts/strip-types.js file.ts`. Types become blanks, so that every line and
// column stays where it was: stack traces and coverage need no source map. Results are kept below node_modules/.cache.
import { register } from 'node:module'

register('./strip-types-hooks.js', import.meta.url)
