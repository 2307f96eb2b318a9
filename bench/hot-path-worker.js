// One variant of bench/hot-path, in a process of its own.
import { startVariant } from './hot-path-load.js'

const [name, against] = process.argv.slice(2)
const { run } = await startVariant(name, against)
process.on('message', async () => process.send({ microseconds: await run() }))
process.on('disconnect', () => process.exit())
process.send('ready')
