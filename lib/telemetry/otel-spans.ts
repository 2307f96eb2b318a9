import {
  type Attributes, context, ROOT_CONTEXT, type Span, SpanKind, SpanStatusCode, trace, type Tracer
} from '@opentelemetry/api'
import type { ProviderAnswer, UnknownReason } from '../../types/contract.ts'
import type { Published } from '../core/index.ts'
import type { ObservedCall, Observer } from '../util/index.ts'
import { attributeOf } from './metric.ts'
import { attributesOf } from './otel-metrics.ts'

/** Failures of the service. Nothing else is an error of a span: a request without a verdict continues. */
const errors: ReadonlySet<string> = new Set(['bad_response', 'rejected'])

const names = {
  verdict: attributeOf('verdict'), decision: attributeOf('decision'), outcome: attributeOf('outcome')
} as const

/**
 * Spans around lookups that wait, calls and bulk calls to providers, and an event on the active span for decisions
 * other than `allow`. Attributes hold words of closed sets, names of actions and providers, numbers and scores: never
 * an address.
 */
export function spanObserver (tracer: Tracer): Observer<Published> {
  return {
    async lookup ({ write }, run) {
      const span = tracer.startSpan('ip_risk.lookup', { attributes: attributesOf({ write }) })
      const result = await within(span, run)
      span.setAttributes(attributesOf({ cache: result.cache, provider_name: result.provider }))
      end(span, result.answer)
      return result
    },
    async refresh (_, run) {
      const trigger = trace.getSpanContext(context.active())
      // The request does not wait for it, and may end first: a trace of its own, with a link.
      const span = tracer.startSpan('ip_risk.refresh', {
        root: true, ...trigger !== undefined && { links: [{ context: trigger }] }
      })
      const result = await within(span, run)
      span.setAttributes(attributesOf({ cache: result.cache, provider_name: result.provider }))
      end(span, result.answer)
      return result
    },
    async providerCall ({ provider, server }, run) {
      const span = tracer.startSpan('ip_risk.provider.call', {
        kind: SpanKind.CLIENT,
        attributes: {
          ...attributesOf({ provider_name: provider }), ...serverAttributes(server)
        }
      })
      const answer = await within(span, run)
      end(span, answer)
      return answer
    },
    async providerBulk ({ provider, server, addresses }, run) {
      const span = tracer.startSpan('ip_risk.provider.bulk', {
        kind: SpanKind.CLIENT,
        attributes: {
          ...attributesOf({ provider_name: provider }),
          [attributeOf('addresses')]: addresses,
          ...serverAttributes(server)
        }
      })
      const result = await within(span, run)
      if (result.failed > 0) span.setAttribute(attributeOf('failed'), result.failed)
      if (result.abandoned === true) span.setAttribute(attributeOf('abandoned'), true)
      if (result.error !== undefined) fail(span, result.error)
      span.end()
      return result
    },
    // Runs for each request. To read the active context is most of its cost.
    decision (published) {
      const active = context.active()
      if (active === ROOT_CONTEXT) return
      const span = trace.getSpan(active)
      if (span === undefined || !span.isRecording()) return
      const { risk: { verdict, decision, decidedBy, action, write }, outcome } = published
      const attributes = { [names.verdict]: verdict, [names.decision]: decision, [names.outcome]: outcome ?? 'allowed' }
      span.setAttributes(attributes)
      if (decision === 'allow') return
      span.addEvent('fastify_ip_risk.decision', {
        ...attributes,
        ...attributesOf({ write, ...action !== null && { action } }),
        'security_rule.ruleset.name': 'fastify-ip-risk',
        'security_rule.name': decidedBy === 'policy' ? `${write ? 'write' : 'read'}.${verdict}` : decidedBy
      })
    }
  }
}

/** Runs in the context of the span. What throws is a defect, and ends the span too. */
async function within<T> (span: Span, run: () => Promise<T>): Promise<T> {
  try {
    return await context.with(trace.setSpan(context.active(), span), run)
  } catch (err) {
    span.setStatus({ code: SpanStatusCode.ERROR })
    span.end()
    throw err
  }
}

function serverAttributes (server: ObservedCall['server']): Attributes {
  return server === undefined ? {} : { 'server.address': server.address, 'server.port': server.port }
}

function fail (span: Span, reason: UnknownReason): void {
  span.setAttributes(attributesOf({ error_type: reason }))
  if (errors.has(reason)) span.setStatus({ code: SpanStatusCode.ERROR })
}

function end (span: Span, answer: ProviderAnswer): void {
  span.setAttributes(attributesOf({ verdict: answer.verdict }))
  if (answer.verdict === 'unknown') {
    span.setAttributes(attributesOf({ reason: answer.reason }))
    if (answer.reason !== 'no_data') fail(span, answer.reason)
  } else if (answer.score !== null) span.setAttribute('fastify_ip_risk.score', answer.score)
  span.end()
}
