/** `npm run rehearse`: the whole stack on this machine, from nothing. */

import { prepareForBuilding, prepareHost } from './host.ts'
import { buildImages } from './images.ts'

await prepareHost(process.argv.includes('--yes'), console.error)
await prepareForBuilding(process.argv.includes('--yes'), console.error)
console.log(await buildImages(console.error))
