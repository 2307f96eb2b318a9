import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import type { Test } from 'tap'

interface Answer { readonly status: string, readonly data: { readonly result: readonly unknown[] } }
interface Rule { readonly name: string, readonly health: string, readonly lastError?: string }

/** A real Prometheus that scrapes `target` every 200 ms and evaluates the project's alerts. undefined: not installed. */
export async function startPrometheus (t: Test, target: string, port: number) {
  const folder = mkdtempSync(join(tmpdir(), 'ip-risk-prometheus-'))
  const alerts = join(import.meta.dirname, '../../dashboards/alerts.yaml')
  writeFileSync(join(folder, 'prometheus.yml'), [
    'global: { scrape_interval: 200ms, scrape_timeout: 200ms, evaluation_interval: 500ms }',
    `rule_files: [${JSON.stringify(alerts)}]`,
    `scrape_configs: [{ job_name: application, static_configs: [{ targets: [${JSON.stringify(target)}] }] }]`, ''
  ].join('\n'))
  const server = spawn('prometheus', [
    `--config.file=${folder}/prometheus.yml`, `--storage.tsdb.path=${folder}/data`, `--web.listen-address=127.0.0.1:${port}`,
    '--log.level=error'
  ], { stdio: 'ignore' })
  const failed = new Promise<boolean>(resolve => server.once('error', () => resolve(true)).once('spawn', () => resolve(false)))
  t.teardown(async () => {
    if (server.pid !== undefined && server.exitCode === null) {
      const ended = new Promise(resolve => server.once('exit', resolve))
      server.kill()
      await ended
    }
    rmSync(folder, { recursive: true, force: true })
  })
  if (await failed) return undefined
  const get = async (path: string): Promise<any> => await (await fetch(`http://127.0.0.1:${port}/api/v1/${path}`)).json()
  const query = async (expr: string): Promise<Answer> => await get(`query?query=${encodeURIComponent(expr)}`)
  return {
    query,
    /** Resolves when a metric was scraped so many times. */
    async scraped (metric: string, times: number): Promise<void> {
      for (let tries = 0; tries < 150; tries++) {
        try {
          const { data } = await query(`max(count_over_time(${metric}[1m])) >= ${times}`)
          if (data.result.length > 0) return
        } catch {} // it is starting
        await wait(100)
      }
      throw new Error(`Prometheus did not scrape ${metric}`)
    },
    async rules (): Promise<Rule[]> {
      const { data } = await get('rules')
      return data.groups.flatMap(({ rules }: { rules: Rule[] }) => rules)
    }
  }
}
