import { spawn } from 'node:child_process'
import { Redis } from 'ioredis'

/** A redis-server without persistence that ends with this process, on a port of its own, and a client of it. */
export async function startRedis () {
  const port = 20_000 + process.pid % 10_000
  const server = spawn('redis-server', ['--port', port, '--save', '', '--appendonly', 'no'], { stdio: 'ignore' })
  server.unref() // or the bench would never end
  process.on('exit', () => server.kill())
  const redis = new Redis({ port, retryStrategy: () => 50, maxRetriesPerRequest: null })
  redis.on('error', () => {})
  await redis.ping()
  return { redis, port }
}
