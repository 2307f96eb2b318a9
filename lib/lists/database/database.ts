import type { IpInfo, KnownAnswer, ProviderAnswer, Signal, UnknownAnswer } from '../../../types/contract.ts'
import { type Family, parseAddress } from '../../ip/index.ts'
import { type HostnameKind, hostnameMarks } from './hostname.ts'
import { findInterval4, findInterval6, packStarts } from './interval-map.ts'
import { type Evidence, scoreEvidence } from './score.ts'
import { decodeSnapshot, NAME_BLOCK, type Snapshot } from './snapshot.ts'

export interface Database {
  readonly snapshot: Snapshot
  /**
   * About canonical or any other text of an address. The same frozen object for all addresses of which the same is
   * known.
   */
  answer (ip: string): ProviderAnswer
  /** The same, of an address whose name by reverse DNS says something. */
  answerNamed (ip: string, name: HostnameKind): ProviderAnswer
}

/**
 * Answers kept for their label. There are about 90,000 networks, of which a site sees some hundred; forgotten all at
 * once beyond this.
 */
const MAX_ANSWERS = 16_384
const DAY_MS = 86_400_000

const NOT_PUBLIC: UnknownAnswer = Object.freeze({ verdict: 'unknown', reason: 'not_public' })
const CGNAT: UnknownAnswer = Object.freeze({
  verdict: 'unknown',
  reason: 'not_public',
  categories: Object.freeze(['cgnat'] as const),
  signals: Object.freeze([Object.freeze({
    type: 'cgnat',
    weight: 0,
    detail: 'shared address space of a carrier (RFC 6598)'
  })])
})
export const NO_DATA: UnknownAnswer = Object.freeze({ verdict: 'unknown', reason: 'no_data' })
const NO_IP: UnknownAnswer = Object.freeze({ verdict: 'unknown', reason: 'no_ip' })

/** `now`: Unix milliseconds, read once per `answersFor` day; `refresh()` makes answers decay. */
export function openDatabase (bytes: Uint8Array, now: () => number = Date.now): Database & { refresh (): void } {
  const snapshot = decodeSnapshot(bytes)
  const { v4, v6 } = snapshot.map
  const index4 = v4.index
  const packed4 = packStarts(v4)
  /**
   * Of each interval, and of each label, the place of its answer in `answers`; 0: not known yet. An address whose
   * interval was asked for before needs no label. IPv4 places are in the low bits of `packed4`.
   */
  const places6 = new Uint16Array(v6.labels.length)
  const placeOfLabel = new Uint16Array(1 + snapshot.asns.length + snapshot.labelAsn.length)
  let answers: ProviderAnswer[] = [NO_DATA]
  let day = Math.floor(now() / DAY_MS)
  const namedAnswers = new Map<string, ProviderAnswer>()
  const forget = (): void => {
    answers = [NO_DATA]
    namedAnswers.clear()
    placeOfLabel.fill(0)
    places6.fill(0)
    packed4.set(packStarts(v4))
  }
  const placeOf = (label: number): number => {
    const known = placeOfLabel[label] ?? 0
    if (known > 0) return known
    if (answers.length > MAX_ANSWERS) forget()
    const place = answers.push(answerOf(evidenceOf(snapshot, label), day)) - 1
    placeOfLabel[label] = place
    return place
  }
  const learn4 = (interval: number): number => {
    const place = placeOf(v4.labels[interval]!)
    packed4[interval] = packed4[interval]! | place
    return place
  }
  const learn6 = (interval: number): number => {
    const place = placeOf(v6.labels[interval]!)
    places6[interval] = place
    return place
  }
  return {
    snapshot,
    answer (ip) {
      const family: Family = parseAddress(ip)
      if (family === 4) {
        const interval = findInterval4(index4, packed4)
        const known = packed4[interval]! & 0xffff
        // First the place: learning it may replace `answers`.
        const place = known > 0 ? known : learn4(interval)
        return answers[place]!
      }
      if (family === 0) return NO_IP
      const interval = findInterval6(v6)
      const known = places6[interval]!
      const place = known > 0 ? known : learn6(interval)
      return answers[place]!
    },
    answerNamed (ip, name) {
      const family = parseAddress(ip)
      if (family === 0) return NO_IP
      const label = family === 4 ? v4.labels[findInterval4(index4, packed4)]! : v6.labels[findInterval6(v6)]!
      const key = `${name} ${label}`
      const known = namedAnswers.get(key)
      if (known !== undefined) return known
      if (namedAnswers.size >= MAX_ANSWERS) namedAnswers.clear()
      const { marks, ...more } = evidenceOf(snapshot, label)
      const answer = answerOf({ marks: [...marks, hostnameMarks[name]], ...more }, day)
      namedAnswers.set(key, answer)
      return answer
    },
    refresh () {
      const today = Math.floor(now() / DAY_MS)
      if (today !== day) forget()
      day = today
    }
  }
}

/** What is known of the addresses that have the label. */
export function evidenceOf (snapshot: Snapshot, label: number): Evidence {
  const { meta, labelAsn, labelSet, asns, asnSet, asnDensity } = snapshot
  const further = label - asns.length - 1
  const marks = further < 0 ? [] : marksOf(snapshot, labelSet[further] ?? 0)
  const at = (further < 0 ? label : labelAsn[further] ?? 0) - 1
  if (at < 0) return { marks }
  return {
    marks: [...marks, ...marksOf(snapshot, asnSet[at]!)],
    tableAlone: meta.lists.every(list => list.builtIn || !list.kind.startsWith('vpn-')),
    network: { asn: asns[at]!, name: nameOf(snapshot, at), density: asnDensity[at]! }
  }

  function marksOf ({ setStart, setMarks }: Snapshot, set: number): Evidence['marks'] {
    return Array.from(setMarks.subarray(setStart[set], setStart[set + 1]), mark => {
      const { list, day, wide } = meta.marks[mark]!
      return { list: meta.lists[list]!, day, ...wide && { wide } }
    })
  }
}

function nameOf ({ nameStart, names }: Snapshot, at: number): string {
  const block = Math.floor(at / NAME_BLOCK)
  const text = new TextDecoder().decode(names.subarray(nameStart[block], nameStart[block + 1]))
  return text.split('\n')[at % NAME_BLOCK]!
}

function answerOf (evidence: Evidence, todayDays: number): ProviderAnswer {
  const { marks, network } = evidence
  const has = (...kinds: string[]): boolean => marks.some(({ list }) => kinds.includes(list.kind))
  if (has('not-public') && !has('public')) return NOT_PUBLIC
  if (has('cgnat')) return CGNAT
  const { verdict, score, groups, categories } = scoreEvidence(evidence, todayDays)
  // That lists are silent says something only where the data reach: announced space, and what a source declares to
  // cover.
  const covered = network !== undefined || has('covered', 'relay', 'crawler', 'public-service')
  if (verdict === 'clean' && !covered) return NO_DATA
  const signals: Signal[] = groups.flatMap(group => group.signals).map(signal => Object.freeze(signal))
  const answer: KnownAnswer = {
    verdict,
    score,
    isVpn: verdict === 'vpn_likely' || verdict === 'vpn_detected',
    confidence: null,
    signals: Object.freeze(signals),
    info: Object.freeze(infoOf(evidence, categories.includes('hosting'))),
    categories: Object.freeze(categories)
  }
  return Object.freeze(answer)
}

function infoOf ({ marks, network }: Evidence, hosting: boolean): IpInfo {
  const servers = marks.filter(({ list }) => list.kind === 'vpn-server')
  const publisher = servers.find(({ list }) => list.publisher !== undefined)?.list.publisher
  return {
    ...network && { asn: `AS${network.asn}`, org: network.name },
    ...hosting && { type: 'hosting' },
    ...marks.some(({ list }) => list.kind === 'public-proxy') && { isProxy: true },
    ...publisher !== undefined && {
      vpnProvider: publisher,
      vpnProviderSources: Object.freeze(servers.map(({ list }) =>
        list.id))
    }
  }
}
