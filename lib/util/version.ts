/** As in package.json (a test compares them): a bundled application has no package.json of ours to read. */
export const version = '0.2.0'
