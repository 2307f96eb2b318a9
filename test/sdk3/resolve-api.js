// One copy of @opentelemetry/api per process, as in an application: the one that belongs to this line of the SDK.
import { registerHooks } from 'node:module'

const here = new URL('./check.js', import.meta.url).href

registerHooks({
  resolve (specifier, context, next) {
    return next(specifier, specifier === '@opentelemetry/api' ? { ...context, parentURL: here } : context)
  }
})
