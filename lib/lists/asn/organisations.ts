import type { AsnTable } from './table.ts'

/**
 * Networks of one organisation, by name: hosters have one AS number per country, so `Leaseweb Netherlands B.V.` and
 * `LEASEWEB HONG KONG LIMITED` are one.
 */

const LEGAL_FORMS = 'llc inc incorporated ltd limited gmbh ag bv sa sl srl sro sas ab as oy aps sia ou uab corp ' +
  'corporation company co pte pty pvt private plc kft doo dooel spa ehf lda ltda nv kg ug jsc pjsc ooo zao bhd sdn ' +
  'fze trading'
const PLACES = 'netherlands deutschland germany japan singapore australia france sweden norway denmark finland ' +
  'poland canada america europe asia pacific india brazil brasil italy spain romania lithuania hongkong hong kong hk ' +
  'usa us uk eu united kingdom states international global worldwide group holding holdings the of and'
/** A name of these words alone names nobody. */
const GENERIC = 'network networks net telecom telecommunications communications internet service services solutions ' +
  'digital technology technologies tech hosting host cloud data center centre datacenter server servers dedicated ' +
  'web online systems it broadband computing information media enterprise enterprises'

const words = (text: string): ReadonlySet<string> => new Set(text.split(' '))
const silent = new Set([...words(LEGAL_FORMS), ...words(PLACES)])
const generic = words(GENERIC)

/** What is left of the name without legal form and place; undefined where that names nobody. */
export function organisationOf (name: string): string | undefined {
  // B.V. and S.R.L. are one word; other characters separate words.
  const plain = name.toLowerCase().normalize('NFKD').replace(/\b([a-z])\.(?=[a-z]\b)/g, '$1')
  const left = plain.split(/[^a-z0-9]+/).filter(word => word !== '' && !silent.has(word))
  const isNamed = left.some(word => word.length >= 4 && !generic.has(word) && !/^(as)?\d+$/.test(word))
  return isNamed ? left.join(' ') : undefined
}

/**
 * Of each network the index of the first network of its organisation, in the order of `numbers`. An organisation that
 * has a network in `apart` (one that sells access, say) has other business than hosting: its networks stay single.
 */
export function organisations (table: AsnTable, apart: ReadonlySet<number>): Uint32Array {
  const names = table.names.map(organisationOf)
  const single = new Set(names.filter((_, at) => apart.has(table.numbers[at]!)))
  const first = new Map<string, number>()
  return Uint32Array.from(names, (name, at) => {
    if (name === undefined || single.has(name)) return at
    if (!first.has(name)) first.set(name, at)
    return first.get(name)!
  })
}

/** Words for the hosting of servers. A hostel has guests, and an observer has no servers. */
const HOSTING = /host(?!el|age)|\bserver|servers\b|cloud(?!flare)|\bvps\b|\bvds\b|data ?cent|\bcolo(?:cation)?\b/i

/**
 * Networks that call themselves hosters, or whose organisation is a known hoster in another network. None of `mixed`,
 * and of no organisation that has one of these.
 */
export function hostersByName (table: AsnTable, hosters: readonly number[], mixed: ReadonlySet<number>): number[] {
  const organisation = organisations(table, mixed)
  const known = new Set(hosters)
  const hosting = new Set(organisation.filter((_, at) => known.has(table.numbers[at]!)))
  return [...table.numbers].filter((asn, at) => !mixed.has(asn) &&
    (HOSTING.test(table.names[at]!) || (!known.has(asn) && hosting.has(organisation[at]!))))
}
