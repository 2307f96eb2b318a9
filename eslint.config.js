import neostandard from 'neostandard'

// Which imports are allowed is not lint's business: scripts/import-rules.ts has the table, test/architecture.test.ts holds it.
export default [
  ...neostandard({ ts: true, ignores: ['dist/**', '.tap/**', 'node_modules/**', 'bench/node_modules/**'] }),
  { rules: { 'max-len': ['error', { code: 140, ignoreUrls: true, ignoreRegExpLiterals: true, ignoreTemplateLiterals: true, ignoreStrings: true }] } }
]
