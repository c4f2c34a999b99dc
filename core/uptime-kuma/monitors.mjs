/**
 * Has Uptime Kuma watch what lib/kuma.ts asks for: one order by stdin as a line of JSON, one answer as a line on stdout. It
 * runs by `docker exec` in Kuma's own folder and speaks with the socket.io-client that it finds there: Kuma has no other way
 * in for this. The events and their fields are those of its server/server.js (2.5.3).
 */
import { randomBytes } from 'node:crypto'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { createInterface } from 'node:readline'

const { io } = createRequire(join(process.cwd(), 'package.json'))('socket.io-client')
const ADDRESS = process.argv[2] ?? 'http://127.0.0.1:3001'
const USER = 'admin'
/** Begins the description of what is ours; nothing else in Kuma is touched. */
const OURS = 'securenexus-erp: '
/** Milliseconds: for one answer, and for all of it. */
const LIMIT = 15_000
const PATIENCE = 90_000

/** A precondition does not hold. */
class Refused extends Error {}

/** Make what is missing, change what differs, and tell the token of each push monitor. */
async function keep({ password, monitors }) {
  const socket = io(ADDRESS, { reconnection: false, timeout: LIMIT })
  const told = (event) => new Promise((resolve) => socket.once(event, resolve))
  const failed = told('connect_error').then((error) => {
    throw new Error(`Kuma does not answer: ${error.message}`)
  })
  const lists = Promise.all([told('monitorList'), told('notificationList')])
  await Promise.race([told('connect'), failed])
  await enter(socket, password)
  const [known, notifications] = await lists // it sends them to whoever logs in
  const ours = Object.values(known).filter(({ description }) => description?.startsWith(OURS))
  const usual = notifications.filter(({ isDefault }) => isDefault).map(({ id }) => [id, true])
  const changed = []
  const tokens = {}
  for (const { key, settings } of monitors) {
    const description = `${OURS}${key}`
    const found = ours.find((monitor) => monitor.description === description)
    const pushToken = found?.pushToken ?? (settings.type === 'push' ? randomBytes(16).toString('hex') : undefined)
    if (pushToken) tokens[key] = pushToken
    if (!found) await add(socket, { ...settings, description, pushToken }, Object.fromEntries(usual))
    else if (differs(found, settings)) await ask(socket, 'editMonitor', { ...found, ...settings })
    else continue
    changed.push(settings.name)
  }
  const keys = monitors.map(({ key }) => `${OURS}${key}`)
  const stale = ours.filter(({ description }) => !keys.includes(description)).map(({ name }) => name)
  return { changed, tokens, stale }
}

/** The first time it makes the user; later it logs in. */
async function enter(socket, password) {
  if (await emit(socket, 'needSetup')) await ask(socket, 'setup', USER, password)
  const { ok, tokenRequired, msg } = await emit(socket, 'login', { username: USER, password, token: '' })
  if (tokenRequired) throw new Refused(`its user ${USER} has a second factor, which no program has`)
  if (msg === 'authIncorrectCreds') throw new Refused(`its user ${USER} has another password than secrets/`)
  if (!ok) throw new Refused(`it does not let ${USER} in: ${msg}`)
}

/** As its page does: with lists of which it has no default of its own, and the notifications that are on by default. */
const add = (socket, monitor, notificationIDList) => ask(socket, 'add', { ...BARE, ...monitor, notificationIDList })
const BARE = { accepted_statuscodes: ['200-299'], conditions: [], kafkaProducerBrokers: [], rabbitmqNodes: [] }

const differs = (found, settings) =>
  Object.entries(settings).some(([field, value]) => JSON.stringify(found[field]) !== JSON.stringify(value))

const emit = (socket, event, ...data) => socket.timeout(LIMIT).emitWithAck(event, ...data)

async function ask(socket, event, ...data) {
  const { ok, msg } = await emit(socket, event, ...data)
  if (!ok) throw new Error(`Kuma refuses ${event}: ${msg}`)
}

const lines = createInterface({ input: process.stdin })
lines.once('close', () => process.exit(143)) // the script that asked is gone
lines.once('line', async (line) => {
  setTimeout(() => process.exit(124), PATIENCE).unref()
  const outcome = await keep(JSON.parse(line)).catch((error) => {
    if (error instanceof Refused) return { refused: error.message }
    process.stderr.write(`${error.message}\n`)
    process.exit(1)
  })
  process.stdout.write(`${JSON.stringify(outcome)}\n`, () => process.exit(0))
})
