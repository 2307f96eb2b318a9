import { createRequire } from 'node:module'
import type { IpRiskLogger } from '../../types/contract.ts'
import type { RedisClientLike } from '../../types/redis.ts'
import { type CircuitBreaker, circuitBreaker } from '../util/index.ts'
import { isCluster } from './connect.ts'

/**
 * A circuit breaker for each node, so that one dead node of a Cluster costs only the keys that live there, and no
 * request waits for it.
 */
interface NodeCircuits {
  /** `host:port` of the node that a key belongs to; `''` outside a Cluster, and where no node is known. */
  nodeOf (key: string | undefined): string
  /** The circuit of that node. While it is not closed, a timer probes the node, by this key or an earlier one. */
  of (key: string | undefined): CircuitBreaker
  /** There is no connection: opens the circuit of no node in particular, as commands that fail would. */
  disconnected (cause: unknown): void
  /** Number of circuits that are not closed. */
  readonly open: number
  /** Probes all nodes whose circuit is not closed, since a connection was made. */
  probeNow (): void
  close (): void
}

/** Failures in a row that open the circuit of a node, and how long it is open before a probe. */
const FAILURES = 3
const OPEN_MS = 1000

interface Node {
  readonly circuit: CircuitBreaker
  readonly probe: () => void
  key: string | undefined
  timer?: NodeJS.Timeout
}

interface NodeCircuitsParts {
  readonly client: RedisClientLike
  readonly log: IpRiskLogger
  readonly now: () => number
  /** Rejects unless the node of the key answers in time, also with an error of its own. */
  readonly probe: (key: string | undefined) => Promise<void>
  readonly onReturn: () => void
}

export function nodeCircuits ({ client, log, now, probe, onReturn }: NodeCircuitsParts): NodeCircuits {
  const nodes = new Map<string, Node>()
  let closed = false

  function nodeOf (key: string | undefined): string {
    if (!isCluster(client) || key === undefined) return ''
    return client.slots[slotOf((client.options.keyPrefix ?? '') + key)]?.[0] ?? ''
  }

  function create (name: string, key: string | undefined): Node {
    const fields = name === '' ? {} : { node: name }
    const circuit = circuitBreaker({
      failures: FAILURES,
      openMs: OPEN_MS,
      now,
      onChange (state, cause) {
        if (state === 'open') {
          log.warn({ code: 'IP_RISK_REDIS_DOWN', ...fields, reason: reasonOf(cause) },
            'Redis does not answer: verdicts are kept in this process only until it does; ' +
            'check that Redis runs and that the option "redis" has its address and password')
          schedule()
        } else {
          log.info({ code: 'IP_RISK_REDIS_UP', ...fields }, 'Redis answers again: verdicts are shared')
          onReturn()
        }
      }
    })
    const schedule = (): void => {
      clearTimeout(node.timer)
      if (!closed) node.timer = setTimeout(tryNode, OPEN_MS).unref()
    }
    const tryNode = (): void => {
      const call = {}
      circuit.retryNow()
      if (closed || circuit.state === 'closed' || !circuit.admit(call)) return
      probe(node.key).then(() => circuit.succeeded(call), (err: unknown) => {
        circuit.failed(call, err)
        schedule()
      })
    }
    const node: Node = { circuit, probe: tryNode, key }
    nodes.set(name, node)
    return node
  }

  function of (key: string | undefined): CircuitBreaker {
    const name = nodeOf(key)
    const node = nodes.get(name) ?? create(name, key)
    if (key !== undefined) node.key = key
    return node.circuit
  }

  return {
    nodeOf,
    of,
    disconnected (cause) { for (let i = 0; i < FAILURES; i++) of(undefined).failed({}, cause) },
    get open () {
      let open = 0
      for (const { circuit } of nodes.values()) if (circuit.state !== 'closed') open++
      return open
    },
    probeNow () {
      for (const { probe } of nodes.values()) probe()
    },
    close () {
      closed = true
      for (const { timer } of nodes.values()) clearTimeout(timer)
    }
  }
}

/** By a library that needs no client of ours: the client may come from another copy of ioredis. */
function slotOf (key: string): number {
  calculateSlot ??= createRequire(import.meta.url)('cluster-key-slot') as (key: string) => number
  return calculateSlot(key)
}
let calculateSlot: ((key: string) => number) | undefined

/**
 * Only the message of an error: ioredis adds the command to it, with addresses and passwords. Redis quotes the
 * arguments of a command that it does not know or forbids, and so the visitor's address.
 */
export function reasonOf (err: unknown): string {
  const message = err instanceof Error ? err.message : String(err)
  return message.replace(/,? with args beginning with[^]*/, '').slice(0, 200)
}
