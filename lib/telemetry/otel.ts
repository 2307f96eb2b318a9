import { type MeterProvider, metrics as apiMetrics, trace, type TracerProvider } from '@opentelemetry/api'
/** @ts-ignore -- an optional peer: without it, these types are `any` */
import type { FastifyInstance, FastifyPluginAsync } from 'fastify'
import fp from 'fastify-plugin'
import type { IpRiskApi } from '../../types/api.ts'
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
 * returned. Use it once for an engine. Returns what ends it: call that when the application closes.
 *
 * @example
 * const stop = instrumentIpRisk(engine)
 * @throws {IpRiskError} `FST_IP_RISK_BAD_OPTION` for a wrong option, or where `api` is something else.
 */
export function instrumentIpRisk (api: IpRiskApi, options: IpRiskTelemetryOptions = {}): () => void {
  const { engine } = targetOf(api, 'api')
  const names = ['meterProvider', 'tracerProvider', 'spans'] as const
  const { meterProvider = apiMetrics.getMeterProvider(), tracerProvider = trace.getTracerProvider(), spans } =
    checkObject<IpRiskTelemetryOptions>('options', options, names)
  if (typeof meterProvider.getMeter !== 'function') throw badOption('meterProvider', 'must be a MeterProvider')
  if (typeof tracerProvider.getTracer !== 'function') throw badOption('tracerProvider', 'must be a TracerProvider')
  const meter = meterProvider.getMeter('fastify-ip-risk', version)
  // The API has no proxy for meters: one from a provider that does nothing stays silent for ever.
  if (/^noop/i.test(meter.constructor?.name ?? '')) {
    engine.log.warn({ code: 'IP_RISK_TELEMETRY_NOOP' }, 'no metrics will be exported, because no OpenTelemetry SDK ' +
      'was started before fastify-ip-risk/otel was registered: start it with node --import, or pass "meterProvider"')
  }
  const removals = [
    observeMetrics(engine, meter),
    ...checkBoolean('spans', spans, true)
      ? [engine.observers.add(spanObserver(tracerProvider.getTracer('fastify-ip-risk', version)))]
      : []
  ]
  return () => { for (const remove of removals.splice(0)) remove() }
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
