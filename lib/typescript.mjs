// Loaded by --import=#typescript (.npmrc) before every script: teaches Node 20 and early 22 to read TypeScript.
// Node that strips types by itself (process.features.typescript) needs nothing.
if (!process.features.typescript) {
  try {
    const { register } = await import('tsx/esm/api')
    register()
  } catch (error) {
    if (error?.code !== 'ERR_MODULE_NOT_FOUND') throw error
    process.stderr.write('The dependencies are not installed. Type: npm ci\n')
    process.exit(3)
  }
}
