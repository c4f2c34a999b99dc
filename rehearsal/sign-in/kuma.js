/**
 * What stands for Uptime Kuma: the events of socket.io and the push address, with the answers that a real 2.5.3 gave. It
 * watches nothing. Every other path answers with the request, so that a test sees what reached it.
 */
import { createServer } from 'node:http'
import { pathToFileURL } from 'node:url'
import { Server } from 'socket.io'

/** Start one; its monitors are there to look at and to change. */
export function startKuma(port) {
  const kuma = { user: undefined, secondFactor: false, monitors: {}, notifications: [], pushes: [] }
  const http = createServer((request, response) => answer(kuma, request, response))
  new Server(http).on('connection', (socket) => serve(kuma, socket))
  http.listen(port)
  return Object.assign(kuma, { http })
}

function answer({ monitors, pushes }, { url, headers }, response) {
  const { pathname, searchParams } = new URL(url, 'http://kuma')
  const send = (status, body) =>
    response.writeHead(status, { 'Content-Type': 'application/json' }).end(JSON.stringify(body))
  const [, token] = /^\/api\/push\/([^/]+)$/.exec(pathname) ?? []
  const monitor = Object.values(monitors).find(({ pushToken, active }) => token && pushToken === token && active)
  if (monitor) pushes.push({ name: monitor.name, status: searchParams.get('status') ?? 'up' })
  if (monitor) return send(200, { ok: true })
  if (token) return send(404, { ok: false, msg: 'Monitor not found or not active.' })
  if (pathname === '/api/entry-page') return send(200, { type: 'entryPage', entryPage: null })
  return send(200, { url, headers, pushes })
}

function serve(kuma, socket) {
  let entered = false
  socket.on('needSetup', (reply) => reply(!kuma.user))
  socket.on('setup', (username, password, reply) => {
    if (kuma.user) return reply({ ok: false, msg: 'Uptime Kuma has been initialized.' })
    kuma.user = { username, password }
    reply({ ok: true, msg: 'successAdded' })
  })
  socket.on('login', ({ username, password, token }, reply) => {
    if (username !== kuma.user?.username || password !== kuma.user.password)
      return reply({ ok: false, msg: 'authIncorrectCreds', msgi18n: true })
    if (kuma.secondFactor && !token) return reply({ tokenRequired: true })
    entered = true
    socket.emit('monitorList', kuma.monitors)
    socket.emit('notificationList', kuma.notifications)
    reply({ ok: true, token: 'of a stand-in' })
  })
  const change = (event, store) =>
    socket.on(event, (monitor, reply) => {
      if (!entered) return reply({ ok: false, msg: 'You are not logged in.' })
      if (!monitor.accepted_statuscodes)
        return reply({ ok: false, msg: "Cannot read properties of undefined (reading 'every')" })
      reply({ ok: true, monitorID: store(monitor) })
    })
  change('add', (monitor) => {
    const id = Object.keys(kuma.monitors).length + 1
    kuma.monitors[id] = { id, active: true, description: null, maxredirects: 10, timeout: 0, ...monitor }
    return id
  })
  change('editMonitor', (monitor) => {
    kuma.monitors[monitor.id] = monitor
    return monitor.id
  })
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) startKuma(3001)
