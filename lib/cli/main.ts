#!/usr/bin/env node
import { runCli } from './run.ts'

process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  // `ip-risk check … | head -1`: whoever reads has seen enough.
  if (error.code === 'EPIPE') process.exit()
  process.stderr.write(`ip-risk: cannot write: ${error.message}\n`)
  process.exit(1)
})

process.exitCode = await runCli(process.argv.slice(2), {
  env: process.env,
  out: line => { process.stdout.write(`${line}\n`) },
  err: line => { process.stderr.write(`${line}\n`) }
})
