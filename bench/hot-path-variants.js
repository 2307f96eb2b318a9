// What bench/hot-path and bench/hot-path-http put before a bare handler.
import rateLimit from '@fastify/rate-limit'
import { context } from '@opentelemetry/api'
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks'
import {
  AggregationTemporality, InMemoryMetricExporter, MeterProvider, PeriodicExportingMetricReader
} from '@opentelemetry/sdk-metrics'
import { BasicTracerProvider, InMemorySpanExporter, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-base'
import ipRisk from '../dist/lib/index.js'
import { ipRiskTelemetry } from '../dist/lib/telemetry/otel.js'

const answer = {
  verdict: 'clean', score: 0.1, isVpn: false, confidence: 0.9, signals: [], info: { asn: 'AS64496', country: 'Exampleland' }, categories: []
}
async function plugin (app, options = {}) {
  await app.register(ipRisk, {
    provider: { name: 'fixed', lookup: async () => answer }, clientIp: { trusted: ['loopback'] }, cache: { ttlSeconds: 21_600 }, ...options
  })
}

const stepUp = { isSatisfied: () => true }
const familiarity = { account: () => 'ada' }

export const variants = {
  bare () {},
  'empty hook' (app) {
    app.addHook('onRequest', (request, reply, done) => done())
  },
  'a hook that reads one header' (app) {
    app.addHook('onRequest', (request, reply, done) => {
      if (request.raw.headers['x-forwarded-for'] === '') throw new Error('the load sends an address')
      done()
    })
  },
  'fastify-ip-risk, memory hit': app => plugin(app),
  // The first application of its kind in a process is faster than the next: compare telemetry with this one.
  'the same again, telemetry off': app => plugin(app),
  // `familiarity` needs `stepUp`, which has a hook of its own: compare each pair.
  'step-up on, read': app => plugin(app, { stepUp }),
  'familiarity on, read': app => plugin(app, { stepUp, familiarity }),
  'step-up on, write': app => plugin(app, { stepUp }),
  'familiarity on, write': app => plugin(app, { stepUp, familiarity }),
  // The first request satisfies a step-up, so the account is `known` in all that are counted.
  'familiarity on, known, write': app => plugin(app, {
    stepUp, familiarity, policy: { rules: [{ familiarity: 'first', then: 'step_up_auth' }] }
  }),
  async 'the same again, telemetry on' (app) {
    await plugin(app)
    // As the SDK for Node does: to find the active span costs more with it.
    context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable())
    const reader = new PeriodicExportingMetricReader({
      exporter: new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE), exportIntervalMillis: 1_000
    })
    await app.register(ipRiskTelemetry, {
      meterProvider: new MeterProvider({ readers: [reader] }),
      tracerProvider: new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(new InMemorySpanExporter())] })
    })
  },
  async '@fastify/rate-limit, local store' (app) {
    await app.register(rateLimit, { max: 1e9, timeWindow: 3_600_000 })
  }
}
