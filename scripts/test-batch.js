// Runs test files one after the other in this process. Starting a process and loading tap and Fastify costs more than most of these
// files take. The names come by environment: tap makes names of folders from arguments.
import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import t from 'tap'

for (const file of process.env.IP_RISK_TEST_FILES.split(' ')) {
  t.comment(`file ${file}`)
  await import(pathToFileURL(resolve(file)).href)
}
