/** Fakes for users' own tests, so that these run offline: entry `fastify-ip-risk/testing`. */
export { fakeProvider, type FakeAnswer, type FakeProvider, type FakeProviderOptions } from './fake-provider.ts'
export { fakeIplogs, type FakeIplogsAnswer } from './fake-iplogs.ts'
export { fakeGetipintel, type FakeGetipintelAnswer } from './fake-getipintel.ts'
export type { FakeServer } from './fake-server.ts'
export type { Fault, BodyFault, HttpFault } from './fake-server.ts'
