/** Fakes for users' own tests, so that these run offline: entry `fastify-ip-risk/testing`. */
export { fakeProvider, type FakeAnswer, type FakeProvider, type FakeProviderOptions } from './testing/fake-provider.ts'
export { fakeIplogs, type FakeIplogsAnswer } from './testing/fake-iplogs.ts'
export { fakeGetipintel, type FakeGetipintelAnswer } from './testing/fake-getipintel.ts'
export type { FakeServer } from './testing/fake-server.ts'
export type { Fault, BodyFault, HttpFault } from './testing/faults.ts'
