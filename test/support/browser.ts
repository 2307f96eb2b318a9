import { existsSync } from 'node:fs'
import { type Browser, chromium } from 'playwright-core'

const executablePath = '/usr/bin/chromium'

/** Why there is no browser, or false. In CI a missing browser is a failure of the test, not a reason to skip it. */
export const withoutBrowser: string | false =
  existsSync(executablePath) || process.env['CI'] === 'true' ? false : `${executablePath} is not installed`

/** Debian's Chromium, without anything that would reach for the network by itself. */
export async function startBrowser (): Promise<Browser> {
  return await chromium.launch({
    executablePath,
    args: [
      '--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
      '--disable-component-update', '--disable-sync'
    ]
  })
}
