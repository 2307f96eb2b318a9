// What bench/hot-path and bench/hot-path-http put before a bare handler. Each variant has a process of its own.
import { pathToFileURL } from 'node:url'
import rateLimit from '@fastify/rate-limit'
import { context, ROOT_CONTEXT } from '@opentelemetry/api'
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks'
import {
  AggregationTemporality, InMemoryMetricExporter, MeterProvider, PeriodicExportingMetricReader
} from '@opentelemetry/sdk-metrics'
import { BasicTracerProvider, InMemorySpanExporter, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-base'

const answer = {
  verdict: 'clean', score: 0.1, isVpn: false, confidence: 0.9, signals: [], info: { asn: 'AS64496', country: 'Exampleland' }, categories: []
}
const ownBuild = new URL('..', import.meta.url)
const load = (build, file) => import(new URL(`dist/lib/${file}`, build).href)

async function plugin (app, options = {}, build = ownBuild) {
  const { default: ipRisk } = await load(build, 'index.js')
  await app.register(ipRisk, {
    provider: { name: 'fixed', lookup: async () => answer }, clientIp: { trusted: ['loopback'] }, cache: { ttlSeconds: 21_600 }, ...options
  })
}

const stepUp = { isSatisfied: () => true }
const familiarity = { account: () => 'ada' }

/** As the SDK for Node does. To find the active span costs more with its context manager, above all once that has run. */
function startSdk () {
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable())
  context.with(ROOT_CONTEXT, () => {})
  const reader = new PeriodicExportingMetricReader({
    exporter: new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE), exportIntervalMillis: 1_000
  })
  return {
    meterProvider: new MeterProvider({ readers: [reader] }),
    tracerProvider: new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(new InMemorySpanExporter())] })
  }
}

const variants = {
  bare () {},
  // What two equal processes differ by.
  'bare, again' () {},
  'empty hook' (app) {
    app.addHook('onRequest', (request, reply, done) => done())
  },
  'a hook that reads one header' (app) {
    app.addHook('onRequest', (request, reply, done) => {
      if (request.raw.headers['x-forwarded-for'] === '') throw new Error('the load sends an address')
      done()
    })
  },
  // The plugin makes `request.ipRisk` when somebody reads it: the strict reading is first.
  'fastify-ip-risk, memory hit, read': app => plugin(app),
  'fastify-ip-risk, memory hit': app => plugin(app),
  'fastify-ip-risk, ipRisk: false': app => plugin(app),
  // `familiarity` needs `stepUp`, which has a hook of its own: compare each pair.
  'step-up on, read': app => plugin(app, { stepUp }),
  'familiarity on, read': app => plugin(app, { stepUp, familiarity }),
  'step-up on, write': app => plugin(app, { stepUp }),
  'familiarity on, write': app => plugin(app, { stepUp, familiarity }),
  'telemetry off, SDK started' (app) {
    startSdk()
    return plugin(app)
  },
  async 'telemetry on' (app) {
    const { ipRiskTelemetry } = await load(ownBuild, 'telemetry/otel.js')
    await plugin(app)
    await app.register(ipRiskTelemetry, startSdk())
  },
  async 'telemetry on, no spans' (app) {
    const { ipRiskTelemetry } = await load(ownBuild, 'telemetry/otel.js')
    await plugin(app)
    await app.register(ipRiskTelemetry, { ...startSdk(), spans: false })
  },
  async '@fastify/rate-limit, local store' (app) {
    await app.register(rateLimit, { max: 1e9, timeWindow: 3_600_000 })
  }
}

/** The folder of another build of the package, given as `--against`: for `memory hit` and `ipRisk: false` of that build. */
export const againstBuild = folder => pathToFileURL(`${folder.replace(/\/+$/, '')}/`)
const otherVariants = {
  'other build, memory hit': (app, build) => plugin(app, {}, build),
  'other build, memory hit, read': (app, build) => plugin(app, {}, build),
  'other build, step-up on, write': (app, build) => plugin(app, { stepUp }, build),
  'other build, ipRisk: false': (app, build) => plugin(app, {}, build)
}

export const variantNames = against => Object.keys({ ...variants, ...against && otherVariants })

export async function prepareVariant (name, app, against) {
  await { ...variants, ...otherVariants }[name](app, against && againstBuild(against))
  return {
    method: name.endsWith('write') ? 'POST' : 'GET',
    config: { ipRisk: !name.endsWith('ipRisk: false') },
    ...name.endsWith('hit, read') && {
      handler: (request, reply) => { reply.send(request.ipRisk.verdict === 'clean' ? 'ok' : 'not ok') }
    }
  }
}

/**
 * Throws where a variant with the plugin did something else than answer from memory, or looked at a route that it must not. Of a load over
 * sockets, a request or two belong to the load before or after.
 */
export function checkHits (name, before, after, requests) {
  if (after === undefined) return
  const hits = after.memory - before.memory
  if (Math.abs(hits - (name.endsWith('ipRisk: false') ? 0 : requests)) > requests / 1000 || after.provider !== before.provider) {
    throw new Error(`${name}: ${hits} of ${requests} requests were memory hits, ${after.provider - before.provider} called the provider`)
  }
}

const at = (sorted, part) => sorted[Math.floor((sorted.length - 1) * part)]
const sorted = values => values.toSorted((a, b) => a - b)

export const median = values => at(sorted(values), 0.5)
const added = (lists, bare) => lists.map((values, launch) => values.map((value, i) => value - bare[launch][i]))

/** From one run to the next, the median of so many launches differs by this: their standard deviation over the root of their number. */
function noiseOf (medians) {
  const mean = medians.reduce((sum, value) => sum + value, 0) / medians.length
  const variance = medians.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (medians.length - 1)
  return Math.sqrt(variance / medians.length)
}

/** `measured`: for each variant a list of rounds for each launch. The pairs are neighbours in time. */
export function tableOf (measured) {
  const bare = measured.get('bare')
  return [...measured].map(([name, lists]) => {
    const differences = added(lists, bare)
    const all = sorted(differences.flat())
    return {
      'before the handler': name,
      'added to bare, us': median(all).toFixed(2),
      noise: differences.length < 2 ? '?' : noiseOf(differences.map(median)).toFixed(2),
      'middle half of the pairs': `${at(all, 0.25).toFixed(2)} to ${at(all, 0.75).toFixed(2)}`,
      'added, least': (Math.min(...lists.flat()) - Math.min(...bare.flat())).toFixed(2),
      'us a request': median(lists.flat()).toFixed(2)
    }
  })
}

/** What this build adds, as a part of what the other build adds. */
export function ratiosOf (measured) {
  return ['memory hit, read', 'memory hit'].filter(hit => measured.has(`other build, ${hit}`)).map(hit => {
    const [own, other] = ['fastify-ip-risk', 'other build'].map(build =>
      median(added(measured.get(`${build}, ${hit}`), measured.get('bare')).flat()))
    return `${hit}: adds ${(own / other).toFixed(2)} times what it adds in the other build`
  }).join('\n')
}
