import { readNetwork } from '../../policy/index.ts'
import { UsageError } from '../command.ts'
import { plainText } from '../output.ts'

/** An address or a CIDR of the command line. Throws `UsageError`. */
export function networkIn (text: string): ReturnType<typeof readNetwork> {
  try {
    return readNetwork(text)
  } catch (error) {
    throw new UsageError(`${JSON.stringify(plainText(text))} is neither an IP address nor a CIDR: ` +
      (error as Error).message)
  }
}
