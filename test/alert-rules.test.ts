import t from 'tap'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const rules = join(import.meta.dirname, '../dashboards/alerts.yaml')
const skip = spawnSync('promtool', ['--version']).error !== undefined &&
  'promtool is not installed (Debian\'s package prometheus)'

/** A sample each five minutes, in promtool's notation: a start, what is added to it, and how often. */
type Series = Readonly<Record<string, string>>

interface Case {
  readonly alert: string
  /** Of the alert, beside `job` and `severity`. */
  readonly labels?: Readonly<Record<string, string>>
  readonly severity?: string
  readonly summary: string
  readonly series: Series
  /** When it fires; five minutes before its `for` is over it must not. */
  readonly at: string
  readonly before: string
}

const decisions = 'fastify_ip_risk_decisions_total'
const blocked = 'fastify_ip_risk_outcomes_total{fastify_ip_risk_outcome="blocked"}'
const own = 'fastify_ip_risk_provider_name="iplogs"'
const labels = { fastify_ip_risk_provider_name: 'iplogs' }

const cases: readonly Case[] = [
  {
    alert: 'IpRiskQuotaEmptyWithinAnHour',
    labels: { ...labels, fastify_ip_risk_window: 'day' },
    summary: 'The quota of iplogs is spent within an hour',
    series: { [`fastify_ip_risk_provider_quota_remaining{${own},fastify_ip_risk_window="day"}`]: '1000-50x12' },
    before: '45m',
    at: '60m'
  },
  {
    alert: 'IpRiskQuotaExhausted',
    labels,
    severity: 'critical',
    summary: 'No call to iplogs is left',
    series: { [`fastify_ip_risk_provider_quota_remaining{${own},fastify_ip_risk_window="month"}`]: '1 0x6' },
    before: '5m',
    at: '10m'
  },
  {
    alert: 'IpRiskCircuitOpen',
    labels,
    severity: 'critical',
    summary: 'iplogs keeps failing and is not called',
    series: {
      [`fastify_ip_risk_provider_circuit_status{${own},fastify_ip_risk_state="closed"}`]: '1 0x6',
      [`fastify_ip_risk_provider_circuit_status{${own},fastify_ip_risk_state="open"}`]: '0 1 1 0 0 0 0',
      [`fastify_ip_risk_provider_circuit_status{${own},fastify_ip_risk_state="half_open"}`]: '0 0 0 1 1 1 1'
    },
    before: '5m',
    at: '20m'
  },
  {
    alert: 'IpRiskProviderPaused',
    labels,
    summary: 'iplogs refuses our account or our rate',
    series: { [`fastify_ip_risk_provider_paused_seconds{${own}}`]: '0 900-10x6' },
    before: '15m',
    at: '20m'
  },
  {
    alert: 'IpRiskWritesWithoutVerdict',
    summary: 'More than 5 % of the writes have no verdict',
    series: {
      [`${decisions}{fastify_ip_risk_verdict="unknown",fastify_ip_risk_write="true"}`]: '0+6x12',
      [`${decisions}{fastify_ip_risk_verdict="unknown",fastify_ip_risk_write="false"}`]: '0+500x12',
      [`${decisions}{fastify_ip_risk_verdict="clean",fastify_ip_risk_write="true"}`]: '0+94x12'
    },
    before: '15m',
    at: '30m'
  },
  {
    alert: 'IpRiskBlockRateHigh',
    summary: 'Five times as many requests are blocked as in the last week',
    series: {
      [blocked]: '0+1x2016 2116+100x12',
      [`${decisions}{fastify_ip_risk_verdict="vpn_detected",fastify_ip_risk_write="true"}`]: '0+1x2016 2116+100x12'
    },
    before: '168h',
    at: '169h'
  },
  {
    alert: 'IpRiskVerdictMixShifted',
    summary: 'The share of VPN verdicts is twice that of the last week',
    series: {
      [`${decisions}{fastify_ip_risk_verdict="vpn_detected"}`]: '0+1x2016 2066+50x36',
      [`${decisions}{fastify_ip_risk_verdict="clean"}`]: '0+99x2016 199634+50x36'
    },
    before: '168h',
    at: '171h'
  },
  {
    alert: 'IpRiskRedisDown',
    summary: 'Redis, or a node of it, does not answer',
    series: {
      'fastify_ip_risk_redis_status{fastify_ip_risk_state="up"}': '1 0x6',
      'fastify_ip_risk_redis_status{fastify_ip_risk_state="degraded"}': '0 1x6',
      'fastify_ip_risk_redis_status{fastify_ip_risk_state="down"}': '0x7'
    },
    before: '5m',
    at: '10m'
  },
  {
    alert: 'IpRiskDataOld',
    labels: { fastify_ip_risk_provider_name: 'lists' },
    summary: 'The data of lists were not renewed',
    // The spelling of the OpenTelemetry exporter.
    series: {
      'fastify_ip_risk_provider_data_age{fastify_ip_risk_provider_name="lists"}': '172500+300x24',
      'fastify_ip_risk_provider_data_age_limit{fastify_ip_risk_provider_name="lists"}': '172800x24'
    },
    before: '60m',
    at: '75m'
  },
  {
    alert: 'IpRiskDataMissing',
    labels: { fastify_ip_risk_provider_name: 'lists' },
    summary: 'lists has no data, so its answers are unknown',
    series: { // tried again and again
      'fastify_ip_risk_provider_data_status{fastify_ip_risk_provider_name="lists",fastify_ip_risk_state="loading"}': '0 1 0 1 0 1 0 1 0 1',
      'fastify_ip_risk_provider_data_status{fastify_ip_risk_provider_name="lists",fastify_ip_risk_state="missing"}': '0 0 1 0 1 0 1 0 1 0'
    },
    before: '15m',
    at: '25m'
  },
  {
    alert: 'IpRiskCloudflareRangesOld',
    summary: 'The list of ranges of Cloudflare is older than 180 days',
    series: { fastify_ip_risk_cloudflare_ranges_age_seconds: '15551700+300x24' },
    before: '60m',
    at: '75m'
  },
  {
    alert: 'IpRiskForgedHeaders',
    severity: 'info',
    summary: 'More than one request a second names an address that is not believed',
    series: { 'fastify_ip_risk_client_ip_rejected_total{fastify_ip_risk_cause="forged_header"}': '0+600x12' },
    before: '15m',
    at: '30m'
  }
]

/** A process as it should be, over more than a week. */
const healthy: Series = {
  [`fastify_ip_risk_provider_quota_remaining{${own},fastify_ip_risk_window="day"}`]: '100000-5x2100',
  [`fastify_ip_risk_provider_quota_remaining{${own},fastify_ip_risk_window="minute"}`]: '0x2100',
  [`fastify_ip_risk_provider_circuit_status{${own},fastify_ip_risk_state="closed"}`]: '1x2100',
  [`fastify_ip_risk_provider_circuit_status{${own},fastify_ip_risk_state="open"}`]: '0x2100',
  [`fastify_ip_risk_provider_paused_seconds{${own}}`]: '0x2100',
  [`${decisions}{fastify_ip_risk_verdict="clean",fastify_ip_risk_write="true"}`]: '0+96x2100',
  [`${decisions}{fastify_ip_risk_verdict="unknown",fastify_ip_risk_write="true"}`]: '0+3x2100',
  [`${decisions}{fastify_ip_risk_verdict="vpn_likely",fastify_ip_risk_write="true"}`]: '0+1x2100',
  [blocked]: '0+10x2100',
  'fastify_ip_risk_redis_status{fastify_ip_risk_state="up"}': '1x2100',
  'fastify_ip_risk_redis_status{fastify_ip_risk_state="down"}': '0x2100',
  'fastify_ip_risk_provider_data_age_seconds{fastify_ip_risk_provider_name="lists"}': '3600x2100',
  'fastify_ip_risk_provider_data_age_limit_seconds{fastify_ip_risk_provider_name="lists"}': '172800x2100',
  'fastify_ip_risk_provider_data_status{fastify_ip_risk_provider_name="lists",fastify_ip_risk_state="ready"}': '1x2100',
  fastify_ip_risk_cloudflare_ranges_age_seconds: '0+300x2100',
  'fastify_ip_risk_client_ip_rejected_total{fastify_ip_risk_cause="forged_header"}': '0+30x2100'
}

/** Few requests, by night fewer: a dozen on a VPN are a large share of an hour, and nothing to wake up for. */
const seldom: Series = {
  [`${decisions}{fastify_ip_risk_verdict="vpn_detected"}`]: '0x2016 0+1x19 19x40',
  [`${decisions}{fastify_ip_risk_verdict="clean"}`]: '0+1x2016 2016x64'
}

/** An application in its first days, of which no week is known. */
const young: Series = {
  [`${decisions}{fastify_ip_risk_verdict="vpn_detected"}`]: '0+1x288 338+50x36',
  [`${decisions}{fastify_ip_risk_verdict="clean"}`]: '0+99x288 28562+50x36'
}

function inputSeries (series: Series): object[] {
  return Object.entries(series).map(([name, values]) => {
    const [metric, rest = '}'] = name.split('{')
    return { series: `${metric}{job="application",instance="one"${rest === '}' ? '' : ','}${rest}`, values }
  })
}

function firing ({ alert, labels, severity = 'warning', summary }: Case): object {
  return {
    exp_labels: { job: 'application', severity, ...labels },
    exp_annotations: { summary, runbook_url: `https://unpkg.com/fastify-ip-risk/docs/runbook.md#${alert.toLowerCase()}` }
  }
}

const overAWeek = ({ at }: Case): boolean => at.length > 3 && at.endsWith('h')

const names = [...readFileSync(rules, 'utf8').matchAll(/- alert: (\w+)/g)].map(([, name]) => name!)

t.test('each alert is tried', async t => {
  t.strictSame(cases.map(({ alert }) => alert), names)
})

t.test('each alert fires on the series that it is for, not before, and none on those of a healthy process', { skip }, async t => {
  const folder = mkdtempSync(join(tmpdir(), 'ip-risk-alerts-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  const groups = cases.map(one => ({
    name: one.alert,
    interval: '5m',
    input_series: inputSeries(one.series),
    alert_rule_test: [
      { eval_time: one.before, alertname: one.alert, exp_alerts: [] },
      { eval_time: one.at, alertname: one.alert, exp_alerts: [firing(one)] }
    ]
  }))
  const quiet = {
    name: 'healthy',
    interval: '5m',
    input_series: inputSeries(healthy),
    alert_rule_test: ['2h', '172h'].flatMap(at => names.map(alertname => ({ eval_time: at, alertname, exp_alerts: [] })))
  }
  const calm = ([['seldom', seldom, ['168h', '169h', '170h', '171h']], ['young', young, ['25h', '26h', '27h']]] as const)
    .map(([name, series, times]) => ({
      name,
      interval: '5m',
      input_series: inputSeries(series),
      alert_rule_test: times.map(at => ({ eval_time: at, alertname: 'IpRiskVerdictMixShifted', exp_alerts: [] }))
    }))
  const [short, long] = [groups.filter((_, i) => !overAWeek(cases[i]!)), groups.filter((_, i) => overAWeek(cases[i]!))]
  // A week is evaluated more rarely, because that takes its time.
  const files = ([['5m', short], ['30m', [...long, ...calm, quiet]]] as const).map(([interval, tests]) => {
    const file = join(folder, `${interval}.yaml`)
    writeFileSync(file, JSON.stringify({ rule_files: [rules], evaluation_interval: interval, tests }))
    return file
  })
  const { status, stdout, stderr } = spawnSync('promtool', ['test', 'rules', ...files], { encoding: 'utf8' })
  t.equal(status, 0, `${stdout}${stderr}`)
})
