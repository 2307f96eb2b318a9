/** What @opentelemetry/api keeps under its global symbol, as far as it is used here; all its versions 1.x share the symbol. */
interface Context { setValue (key: symbol, value: unknown): Context }
interface ContextManager {
  active (): Context
  with<T> (context: Context, call: () => T): T
}

const apiSymbol = Symbol.for('opentelemetry.js.api.1')
/** What `suppressTracing` of @opentelemetry/core sets. Tracers and propagators look at it. */
const suppressKey = Symbol.for('OpenTelemetry SDK Context Key SUPPRESS_TRACING')

/**
 * Runs `call` so that OpenTelemetry, where the application has it, makes no span of the HTTP requests in it: a span has the whole URL, and
 * with it a visitor's address and perhaps an account. Trace headers stay out of the request too.
 */
export function untraced<T> (call: () => T): T {
  const manager = (globalThis as { [apiSymbol]?: { readonly context?: Partial<ContextManager> } })[apiSymbol]?.context
  let context: Context | undefined
  try {
    context = manager?.active?.().setValue(suppressKey, true)
  } catch {} // something else under that name
  return context === undefined || manager?.with === undefined ? call() : manager.with(context, call)
}
