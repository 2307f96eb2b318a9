/** What the benchmarks of Redis store: a verdict with two signals and the usual info. */
export const answer = {
  verdict: 'vpn_detected',
  score: 0.92,
  isVpn: true,
  confidence: 0.88,
  signals: [{ type: 'known_vpn_cidr', weight: 0.45, detail: '203.0.113.0/24' }, { type: 'dc_ip', weight: 0.2, detail: 'Example Hosting' }],
  info: { asn: 'AS64496', org: 'Example Hosting', country: 'Exampleland', countryCode: 'EX', city: 'Example', type: 'datacenter', isProxy: false },
  categories: ['vpn', 'hosting']
}
