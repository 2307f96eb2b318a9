#!/usr/bin/env node
import { createIo } from './io.ts'
import { runCli } from './run.ts'

process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  // `ip-risk check … | head -1`: the reader has what it wanted.
  if (error.code === 'EPIPE') process.exit()
  process.stderr.write(`ip-risk: cannot write: ${error.message}\n`)
  process.exit(1)
})

const { env, stdin, stdout, stderr } = process
process.exitCode = await runCli(process.argv.slice(2), createIo({ env, stdin, stdout, stderr }))

// A module with settings may leave connections and timers open, which must not keep the command running.
setInterval(() => { if (stdout.writableLength === 0 && stderr.writableLength === 0) process.exit() }, 100).unref()
