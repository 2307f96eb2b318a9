import { type MeterProvider, metrics as apiMetrics, trace, type TracerProvider } from '@opentelemetry/api'
/** @ts-ignore -- an optional peer: without it, these types are `any` */
import type { FastifyInstance, FastifyPluginAsync } from 'fastify'
import fp from 'fastify-plugin'
import type { IpRiskApi } from '../../types/api.ts'
import type { Engine } from '../core/index.ts'
import { badOption } from '../errors.ts'
import { checkBoolean, checkObject, version } from '../util/index.ts'
import { observeMetrics } from './otel-metrics.ts'
import { spanObserver } from './otel-spans.ts'
import { targetOf } from './target.ts'

/** The options of `ipRiskTelemetry` and `instrumentIpRisk`. */
export interface IpRiskTelemetryOptions {
  /** Default: the global one, as it is when the plugin registers. Start the SDK before, with `node --import`. */
  readonly meterProvider?: MeterProvider | undefined
  /** Default: the global one. */
  readonly tracerProvider?: TracerProvider | undefined
  /** Whether to make spans, and events on the active span. Default `true`. */
  readonly spans?: boolean | undefined
}

/**
 * Reports the metrics, spans and events of one engine to OpenTelemetry. `api` is `app.ipRisk`, or what `createIpRisk`
 * returned. Returns what ends it: call that when the application closes.
 *
 * @example
 * const stop = instrumentIpRisk(engine)
 * @throws {IpRiskError} `FST_IP_RISK_BAD_OPTION` for a wrong option, where `api` is something else, and where one of
 * the providers gets the figures of this engine already.
 */
export function instrumentIpRisk (api: IpRiskApi, options: IpRiskTelemetryOptions = {}): () => void {
  const { engine } = targetOf(api, 'api')
  const names = ['meterProvider', 'tracerProvider', 'spans'] as const
  const given = checkObject<IpRiskTelemetryOptions>('options', options, names)
  const { meterProvider = apiMetrics.getMeterProvider(), tracerProvider = trace.getTracerProvider() } = given
  const spans = checkBoolean('spans', given.spans, true)
  if (typeof meterProvider.getMeter !== 'function') throw badOption('meterProvider', 'must be a MeterProvider')
  if (typeof tracerProvider.getTracer !== 'function') throw badOption('tracerProvider', 'must be a TracerProvider')
  const meter = meterProvider.getMeter('fastify-ip-risk', version)
  // The API has no proxy for meters: one from a provider that does nothing stays silent for ever.
  if (/^noop/i.test(meter.constructor?.name ?? '')) {
    engine.log.warn({ code: 'IP_RISK_TELEMETRY_NOOP' }, 'no metrics will be exported, because no OpenTelemetry SDK ' +
      'was started before fastify-ip-risk/otel was registered: start it with node --import, or pass "meterProvider"')
  }
  const release = useOnce(engine, meterProvider, spans ? tracerProvider : undefined)
  const removals = [
    release,
    observeMetrics(engine, meter),
    ...spans ? [engine.observers.add(spanObserver(tracerProvider.getTracer('fastify-ip-risk', version)))] : []
  ]
  return () => { for (const remove of removals.splice(0)) remove() }
}

/** What each engine reports to. */
const inUse = new WeakMap<Engine, Set<object>>()

/** Throws where one of them gets the figures of the engine already: it would get each of them twice. */
function useOnce (
  engine: Engine, meterProvider: MeterProvider, tracerProvider: TracerProvider | undefined
): () => void {
  const used = inUse.get(engine) ?? new Set()
  const fix = 'so each figure would count twice: instrument an engine once, which plugin scopes may share'
  if (used.has(meterProvider)) throw badOption('meterProvider', `gets the metrics of this engine already, ${fix}`)
  if (tracerProvider !== undefined && used.has(tracerProvider)) {
    throw badOption('tracerProvider', 'gets the spans of this engine already: set spans to false for the second ' +
      'MeterProvider')
  }
  const mine = [meterProvider, ...tracerProvider === undefined ? [] : [tracerProvider]]
  for (const one of mine) used.add(one)
  inUse.set(engine, used)
  return () => { for (const one of mine) used.delete(one) }
}

/**
 * A Fastify plugin that reports `app.ipRisk` to OpenTelemetry until the application closes. Register it after
 * `fastify-ip-risk`.
 *
 * @example
 * await app.register(ipRiskTelemetry)
 */
export const ipRiskTelemetry: FastifyPluginAsync<IpRiskTelemetryOptions> = fp(
  async function ipRiskTelemetry (app: FastifyInstance, options: IpRiskTelemetryOptions): Promise<void> {
    const { meterProvider, tracerProvider, spans } = options
    const stop = instrumentIpRisk(app.ipRisk, { meterProvider, tracerProvider, spans })
    app.addHook('onClose', async () => stop())
  },
  { name: 'fastify-ip-risk-otel', fastify: '5.x', dependencies: ['fastify-ip-risk'] }
)
export default ipRiskTelemetry
