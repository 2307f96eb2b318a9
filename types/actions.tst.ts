/** Actions as an application declares them, for the tests in this repository. */
declare module './contract.ts' {
  interface IpRiskActions { transfer: 'write', profile: 'read' }
}
export {}
