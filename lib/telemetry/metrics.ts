import {
  circuitStates, counts, dataState, dataStates, type DurationMetric, eachComposite, eachProvider, type Metric, quota,
  redisStates, type Sample, status, sumBy
} from './metric.ts'

/** Every metric but the histograms. Label values are words of closed sets, or names that the operator has chosen. */
export const metrics: readonly Metric[] = [
  {
    name: 'decisions',
    kind: 'counter',
    unit: '{decision}',
    help: 'Judged requests by decision, verdict, mode of the route and action',
    read: ({ requests }) => sumBy(requests, ({ decision, verdict, mode, write, action }) =>
      ({ decision, verdict, mode, write, action }))
  },
  {
    name: 'outcomes',
    kind: 'counter',
    unit: '{request}',
    help: 'Judged requests by what came of them: blocked and challenged are what visitors felt',
    read: ({ requests }) => sumBy(requests, ({ outcome, action }) => ({ outcome, action }))
  },
  {
    name: 'withheld_rejections',
    kind: 'counter',
    unit: '{request}',
    help: 'Requests that continued and that enforce mode would have stopped, by what it would have decided',
    read: ({ requests }) => sumBy(requests.filter(({ outcome, wouldBe }) =>
      outcome === 'not_enforced' && (wouldBe === 'block' || wouldBe === 'step_up_auth')),
    ({ wouldBe, action }) => ({ decision: wouldBe, action }))
  },
  {
    name: 'unknowns',
    kind: 'counter',
    unit: '{verdict}',
    help: 'Judged requests without a verdict, by reason',
    read: ({ unknown }) => Object.entries(unknown).map(([reason, count]) => [count, { reason }])
  },
  {
    name: 'lookups',
    kind: 'counter',
    unit: '{lookup}',
    help: 'Lookups by where the answer came from; provider counts calls',
    read: ({ lookups }) => Object.entries(lookups).map(([cache, count]) => [count, { cache }])
  },
  {
    name: 'provider.calls',
    kind: 'counter',
    unit: '{call}',
    help: 'Calls to providers that have ended; with an error_type those that failed',
    read: eachProvider(({ succeeded, errors }, labels) => [
      [succeeded, labels],
      ...Object.entries(errors).map(([reason, count]): Sample => [count, { ...labels, error_type: reason }])
    ])
  },
  {
    name: 'provider.active',
    kind: 'updown',
    unit: '{call}',
    help: 'Calls to providers that are in flight',
    read: eachProvider(({ active }, labels) => [[active, labels]])
  },
  {
    name: 'provider.circuit.status',
    kind: 'updown',
    unit: '1',
    help: 'State of the circuit breaker of each provider: 1 for the present state',
    read: eachProvider(({ breaker }, labels) => status(circuitStates, breaker, labels))
  },
  {
    name: 'provider.quota.remaining',
    kind: 'gauge',
    unit: '{call}',
    help: 'Calls that the limits of a provider leave in this window',
    read: quota('Left')
  },
  {
    name: 'provider.quota.limit',
    kind: 'gauge',
    unit: '{call}',
    help: 'Calls that the limits of a provider allow in a window',
    read: quota('Limit')
  },
  {
    name: 'provider.paused',
    kind: 'gauge',
    unit: 's',
    help: 'Seconds for which a provider is not called, because it refused the account or the rate',
    read: eachProvider(({ pausedSeconds }, labels) => [[pausedSeconds, labels]])
  },
  {
    name: 'provider.cost',
    kind: 'counter',
    unit: '{currency}',
    help: 'What the calls to a provider have cost, in the currency of costPerCall',
    read: eachProvider(({ cost }, labels) => cost === undefined ? [] : [[cost, labels]])
  },
  {
    name: 'composite.cost.today',
    kind: 'gauge',
    unit: '{currency}',
    help: 'Money that a composite with a budget has used today (UTC)',
    read: eachComposite(({ costToday }, labels) => costToday === undefined ? [] : [[costToday, labels]])
  },
  {
    name: 'composite.cost.limit',
    kind: 'gauge',
    unit: '{currency}',
    help: 'Money that a composite may use in a day',
    read: eachComposite(({ maxCostPerDay }, labels) => maxCostPerDay === undefined ? [] : [[maxCostPerDay, labels]])
  },
  {
    name: 'composite.escalations',
    kind: 'counter',
    unit: '{lookup}',
    help: 'Lookups of escalate() by what happened; escalated, changed and unanswered are parts of lookups',
    read: eachComposite(({ escalation }, labels) =>
      counts(escalation, 'result', ['lookups', 'escalated', 'changed', 'unanswered'], labels))
  },
  {
    name: 'composite.shadow_answers',
    kind: 'counter',
    unit: '{lookup}',
    help: 'Lookups of shadow() by how the candidate compares with the primary provider',
    read: eachComposite(({ shadow }, labels) =>
      counts(shadow, 'result', ['asked', 'agreed', 'disagreed', 'onlyPrimary', 'onlyCandidate'], labels))
  },
  {
    name: 'composite.shadow_differences',
    kind: 'counter',
    unit: '{lookup}',
    help: 'Lookups of shadow() in which only one provider found a category, by category',
    read: eachComposite(({ shadow }, labels) =>
      Object.entries(shadow?.categories ?? {}).map(([category, count]): Sample => [count, { ...labels, category }]))
  },
  {
    name: 'provider.data.status',
    kind: 'updown',
    unit: '1',
    help: 'Whether a provider that answers from files has its data: 1 for the present state',
    read: eachProvider((stats, labels) => {
      const present = dataState(stats)
      return present === undefined ? [] : status(dataStates, present, labels)
    })
  },
  {
    name: 'provider.data.age',
    kind: 'gauge',
    unit: 's',
    help: 'Age of the data of a provider that answers from files',
    read: eachProvider(({ dataAgeSeconds: age }, labels) => age === undefined ? [] : [[age, labels]])
  },
  {
    name: 'provider.data.age.limit',
    kind: 'gauge',
    unit: 's',
    help: 'Age from which the data of a provider count as old',
    read: eachProvider(({ dataOldAfterSeconds: limit }, labels) => limit === undefined ? [] : [[limit, labels]])
  },
  {
    name: 'redis.status',
    kind: 'updown',
    unit: '1',
    help: 'State of Redis: 1 for the present state; none without the option redis',
    read: ({ redis }) => status(redisStates, redis)
  },
  {
    name: 'cache.entries',
    kind: 'updown',
    unit: '{entry}',
    help: 'Verdicts in the memory of the process',
    read: ({ cache: { entries } }) => [[entries, {}]]
  },
  {
    name: 'cache.limit',
    kind: 'gauge',
    unit: '{entry}',
    help: 'Verdicts that the memory of the process may hold',
    read: ({ cache: { maxEntries } }) => [[maxEntries, {}]]
  },
  {
    name: 'cloudflare_ranges.age',
    kind: 'gauge',
    unit: 's',
    help: 'Age of the list of ranges of Cloudflare',
    read: ({ clientIp: { cloudflareRangesAgeSeconds: age } }) => age === undefined ? [] : [[age, {}]]
  },
  {
    name: 'client_ip.rejected',
    kind: 'counter',
    unit: '{request}',
    help: 'Requests whose forwarding headers were not believed, or whose address could not be found',
    read: ({ clientIp: { rejected } }) => Object.entries(rejected).map(([cause, count]) => [count, { cause }])
  }
]

/** Histograms, by what is measured. */
export const durations: Readonly<Record<'lookup' | 'providerCall' | 'providerBulk' | 'redis', DurationMetric>> = {
  lookup: {
    name: 'lookup.duration',
    help: 'Time that a request waited for a verdict; memory hits do not wait',
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5]
  },
  providerCall: {
    name: 'provider.call.duration',
    help: 'Time of one call to a provider, retries included',
    // Those that OpenTelemetry advises for HTTP.
    buckets: [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10]
  },
  providerBulk: {
    name: 'provider.bulk.duration',
    help: 'Time of one bulk call to a provider for many addresses, waits for its limits included',
    // From one request to an hour at the pace of a limit.
    buckets: [0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3600]
  },
  redis: {
    name: 'redis.operation.duration',
    help: 'Time of one command to Redis',
    buckets: [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5]
  }
}
