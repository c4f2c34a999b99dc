// Realtime: hands on what python publishes in redis-queue to the browsers of a site. The namespace is the site's name.
// Written for the rehearsal; what it keeps to is listed in rehearsal/CONTRACT.md.
const fs = require('node:fs')
const http = require('node:http')
const path = require('node:path')
const cookie = require('cookie')
const { createClient } = require('@redis/client')
const { Server } = require('socket.io')

const file = path.resolve(__dirname, '../../sites/common_site_config.json')
const conf = JSON.parse(fs.readFileSync(file, 'utf8'))
const port = process.env.FRAPPE_SOCKETIO_PORT || conf.socketio_port || 9000
const url = process.env.FRAPPE_REDIS_QUEUE || conf.redis_queue || 'redis://127.0.0.1:11311'

// Nobody listens for the clients' errors: a lost or refused redis-queue ends the process, and only a restart mends it.
const subscriber = createClient({ url })
const reader = createClient({ url })

const server = http.createServer()
const io = new Server(server, { cors: { origin: true, credentials: true }, cleanupEmptyChildNamespaces: true })
const sites = io.of(/^\/.*$/)

sites.use(async (socket, next) => {
  const headers = socket.request.headers
  const site = hostname(headers['x-frappe-site-name'] ?? headers.origin ?? headers.host)
  // As upstream: refused, and yet let through by the checks below.
  if (socket.nsp.name.slice(1) !== site) next(new Error('Invalid namespace'))
  if (hostname(headers.host) !== hostname(headers.origin)) return next(new Error('Invalid origin'))
  if (!headers.cookie && !headers.authorization) {
    return next(new Error('Missing cookie and authorization header. Either one needed for authentication.'))
  }
  const { sid } = cookie.parse(headers.cookie ?? '')
  if (!sid && !headers.authorization) {
    return next(new Error('No authentication method used. Use cookie or authorization header.'))
  }
  socket.ask = (method) => ask(headers.origin, method, sid, headers.authorization)
  try {
    const { user, user_type } = await socket.ask('frappe.realtime.get_user_info')
    Object.assign(socket, { user, user_type })
    next()
  } catch (error) {
    next(new Error(`Unauthorized: ${error}`))
  }
})

sites.on('connection', (socket) => {
  socket.join([`user:${socket.user}`, 'website'])
  if (socket.user_type === 'System User') socket.join('all')
  socket.on('ping', () => socket.emit('pong'))
  const follow = (room) => socket.ask('frappe.realtime.has_permission').then((yes) => yes && socket.join(room))
  socket.on('doctype_subscribe', (doctype) => follow(`doctype:${doctype}`))
  socket.on('doc_subscribe', (doctype, name) => follow(`doc:${doctype}/${name}`))
})

/** One call to the site as the socket's user, at the address that the browser came to. */
async function ask(origin, method, sid, authorization) {
  const headers = authorization ? { Authorization: authorization } : { Cookie: `sid=${sid}` }
  const secret = await reader.get('socketio_auth_secret')
  if (secret) headers['X-Frappe-Socket-Secret'] = secret
  const answer = await fetch(`${origin}/api/method/${method}`, { headers })
  const { message } = await answer.json()
  return message
}

function hostname(address) {
  if (!address) return undefined
  const host = address.includes('://') ? address.split('/')[2] : address
  return host.split(':')[0]
}

async function main() {
  await Promise.all([subscriber.connect(), reader.connect()])
  await subscriber.subscribe('events', (text) => {
    const { namespace, room, event, message } = JSON.parse(text)
    const site = io.of(`/${namespace}`)
    ;(room ? site.to(room) : site).emit(event, message)
  })
  server.listen(port, () => console.log(`Realtime service listening on: ws://0.0.0.0:${port}`))
}

main()
