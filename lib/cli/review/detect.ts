import type { ClientIpResolver } from '../../../types/contract.ts'
import { combinedFormat, isCombined } from './access-log.ts'
import { delimiterOf } from './csv.ts'
import { caddyFacts, fastifyFacts, isObject, jsonFormat, ndjsonFacts, objectOf } from './json-lines.ts'
import type { FormatName, RecordFormat } from './record.ts'
import { addressNames, type ColumnChoice, csvFormat, textFormat } from './tables.ts'

export interface FormatChoice extends ColumnChoice {
  readonly format: FormatName | undefined
  /** Rules for the client's address, for access logs. */
  readonly resolve: ClientIpResolver | undefined
}

/** The format of an input by its first lines, unless it is given. Throws `UsageError`. */
export function recordFormat (sample: readonly string[], choice: FormatChoice): RecordFormat {
  const name = choice.format ?? guessed(sample, choice.column !== undefined)
  const { resolve } = choice
  switch (name) {
    case 'text': return textFormat()
    case 'csv': return csvFormat(sample, choice)
    case 'combined': return combinedFormat(sample, resolve)
    case 'caddy': return jsonFormat(name, sample, caddyFacts(resolve))
    case 'fastify': return jsonFormat(name, sample, fastifyFacts(resolve))
    case 'ndjson': return jsonFormat(name, sample, ndjsonFacts(sample, choice))
  }
}

function guessed (sample: readonly string[], hasColumns: boolean): FormatName {
  const lines = sample.filter(line => line.trim() !== '')
  const objects = lines.map(objectOf).filter(object => object !== null)
  if (objects.length > lines.length / 2) {
    if (objects.some(({ request }) => isObject(request) && typeof request['remote_ip'] === 'string')) return 'caddy'
    const isFastify = objects.some(({ req, level }) => isObject(req) && typeof level === 'number')
    return isFastify ? 'fastify' : 'ndjson'
  }
  if (lines.some(isCombined)) return 'combined'
  const first = lines.find(line => !line.startsWith('#')) ?? ''
  // A list under a heading is a CSV of one column.
  const isTable = hasColumns || delimiterOf(first) !== null || addressNames.includes(first.trim().toLowerCase())
  return isTable ? 'csv' : 'text'
}
