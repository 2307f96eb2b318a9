import { type Ranges, rangesOf } from '../sources/list.ts'

/**
 * Services that answer, or that check whether servers answer: no visitor's VPN leaves from their addresses, whatever a
 * list says. Small on purpose; each is published by who runs it.
 */
export const publicServicesDate = '2026-08-22'

/** https://developers.google.com/speed/public-dns/docs/using, https://developers.cloudflare.com/1.1.1.1/ip-addresses/,
 * https://quad9.net/service/service-addresses-and-features/, https://www.opendns.com/setupguide/ */
const resolvers = [
  '8.8.8.8', '8.8.4.4', '2001:4860:4860::8888', '2001:4860:4860::8844',
  '1.1.1.1', '1.0.0.1', '1.1.1.2', '1.0.0.2', '1.1.1.3', '1.0.0.3',
  '2606:4700:4700::1111', '2606:4700:4700::1001', '2606:4700:4700::1112', '2606:4700:4700::1002',
  '2606:4700:4700::1113', '2606:4700:4700::1003',
  '9.9.9.9', '9.9.9.10', '9.9.9.11', '149.112.112.112', '149.112.112.10', '149.112.112.11',
  '2620:fe::fe', '2620:fe::9', '2620:fe::10', '2620:fe::fe:10', '2620:fe::11', '2620:fe::fe:11',
  '208.67.222.222', '208.67.220.220', '208.67.222.123', '208.67.220.123', '2620:119:35::35', '2620:119:53::53'
]

/** https://www.internic.net/domain/named.root, a to m; compared with a third party's copy of 2026-08-22. */
const rootServers = [
  '198.41.0.4', '170.247.170.2', '192.33.4.12', '199.7.91.13', '192.203.230.10', '192.5.5.241', '192.112.36.4',
  '198.97.190.53', '192.36.148.17', '192.58.128.30', '193.0.14.129', '199.7.83.42', '202.12.27.33',
  '2001:503:ba3e::2:30', '2801:1b8:10::b', '2001:500:2::c', '2001:500:2d::d', '2001:500:a8::e', '2001:500:2f::f',
  '2001:500:12::d0d', '2001:500:1::53', '2001:7fe::53', '2001:503:c27::2:30', '2001:7fd::1', '2001:500:9f::42',
  '2001:dc3::35'
]

/** https://cloud.google.com/load-balancing/docs/firewall-rules; those in 209.85.0.0/16 are of passthrough balancers. */
const googleHealthChecks = [
  '35.191.0.0/16', '130.211.0.0/22', '209.85.152.0/22', '209.85.204.0/22', '2600:2d00:1:b029::/64', '2600:2d00:1:1::/64'
]

/** https://ip-ranges.amazonaws.com/ip-ranges.json, service ROUTE53_HEALTHCHECKS. */
const route53HealthChecks = [
  '15.177.0.0/18', '54.183.255.128/26', '54.228.16.0/26', '54.232.40.64/26', '54.241.32.64/26', '54.243.31.192/26',
  '54.244.52.192/26', '54.245.168.0/26', '54.248.220.0/26', '54.250.253.192/26', '54.251.31.128/26',
  '54.252.79.128/26', '54.252.254.192/26', '54.255.254.192/26', '107.23.255.0/26', '176.34.159.192/26',
  '177.71.207.128/26'
]

/** https://learn.microsoft.com/azure/virtual-network/what-is-ip-address-168-63-129-16 */
const azureHealthChecks = ['168.63.129.16']

export const publicServices: Ranges = rangesOf([
  ...resolvers, ...rootServers, ...googleHealthChecks, ...route53HealthChecks, ...azureHealthChecks
])
