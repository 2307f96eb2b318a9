import neostandard from 'neostandard'

// Imports point one way: index -> plugin, express -> engine -> options, policy, lookup, providers, client-ip -> ip, errors -> types.
// Flat config does not merge two no-restricted-imports for one file: one entry a folder.
const mayNotImport = (folder, ...groups) => ({
  files: [`lib/${folder}/**/*.ts`],
  rules: { 'no-restricted-imports': ['error', { patterns: [{ regex: groups.join('|'), message: `${folder}/ does not know this room.` }] }] }
})
const rim = '^fastify|/(plugin|engine|index|express|testing)\\.ts$'

export default [
  ...neostandard({ ts: true, ignores: ['dist/**', '.tap/**', 'node_modules/**', 'bench/node_modules/**'] }),
  { rules: { 'max-len': ['error', { code: 140, ignoreUrls: true, ignoreRegExpLiterals: true, ignoreTemplateLiterals: true, ignoreStrings: true }] } },
  mayNotImport('ip', rim, '/(client-ip|lookup|providers|policy|cli)/'),
  mayNotImport('client-ip', rim, '/(lookup|providers|policy|cli)/'),
  mayNotImport('policy', rim, '/(lookup|providers|client-ip|cli)/'),
  mayNotImport('lookup', rim, '/(policy|providers|client-ip|cli|redis)/'),
  mayNotImport('redis', rim, '/(policy|providers|client-ip|cli)/'),
  mayNotImport('providers', rim, '/(policy|client-ip|cli|guard)/', '/lookup/'),
  mayNotImport('guard', rim, '/(policy|client-ip|cli|lookup|providers)/'),
  mayNotImport('verdict', rim, '/(policy|client-ip|cli|lookup|providers|guard)/')
]
