import t from 'tap'
import { docComments, publicFiles } from './support/doc-comments.ts'

t.test('every exported member of the public surface has a doc comment', async t => {
  const { entries, types } = publicFiles()
  t.equal(entries.length, 7, 'the entries of package.json')
  const { documented, missing } = docComments(entries, types)
  t.strictSame(missing, [], 'members without a doc comment')
  t.ok(documented.length > 500, `${documented.length} members are documented`)
  t.comment(`${documented.length} of ${documented.length + missing.length} exported members have a doc comment`)
})

t.test('the count sees what lacks a comment, wherever an entry leads to it', async t => {
  const { documented, missing } = docComments(['lib/planted.ts'], ['types/planted.ts'], {
    'lib/planted.ts': `
      import type { Deep } from './planted-deep.ts'
      import type { FastifyRequest } from 'fastify'
      export { renamed as other } from './planted-deep.ts'
      /** Has a comment. */
      export interface Options {
        /** Has one. */
        readonly a: Deep, readonly b?: number, c (): void
      }
      export type Bare = {
        /** Has one. */
        readonly inner: { readonly bare: 1 }
      }
      /** */
      export const empty: FastifyRequest = 1
      // Not a doc comment.
      export function run (options: Options): Result { interface Local { x: 1 } }
      interface Result { readonly y: string }
      interface Hidden { readonly z: string }
      declare global { namespace Express { interface Request { risk: Deep } } }
    `,
    'lib/planted-deep.ts': `
      /** Has one. */
      export interface Deep { readonly deep: true }
      export function renamed (): void {}
      export interface Unreachable { readonly no: true }
    `,
    'types/planted.ts': 'export interface Whole { readonly w: 1 }'
  })
  t.strictSame(missing, [
    'lib/planted-deep.ts: Deep.deep', 'lib/planted-deep.ts: renamed',
    'lib/planted.ts: Bare', 'lib/planted.ts: Bare.inner.bare', 'lib/planted.ts: Options.b', 'lib/planted.ts: Options.c',
    'lib/planted.ts: Result', 'lib/planted.ts: Result.y', 'lib/planted.ts: empty', 'lib/planted.ts: risk',
    'lib/planted.ts: run', 'types/planted.ts: Whole', 'types/planted.ts: Whole.w'
  ])
  t.strictSame(documented, ['lib/planted-deep.ts: Deep', 'lib/planted.ts: Bare.inner', 'lib/planted.ts: Options',
    'lib/planted.ts: Options.a'])
})
