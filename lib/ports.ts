/** Whether a port of this machine is free, and who holds one that is not. */
import { readdir, readFile, readlink } from 'node:fs/promises'
import { createServer } from 'node:net'

/** Who holds a port: a pid with its command where we may see it, and nothing where the port is free. */
export async function portHolder(port: number, address = '0.0.0.0'): Promise<string | undefined> {
  const code = await tryToListen(port, address)
  if (code === undefined || code === 'EADDRNOTAVAIL') return undefined
  if (code === 'EACCES') return 'a rule: only root may listen there'
  return (await holderOf(port)) ?? 'a process that cannot be seen from here'
}

/** The error of listening there; nothing where it went well. */
function tryToListen(port: number, host: string): Promise<string | undefined> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message))
    server.listen({ port, host, exclusive: true }, () => server.close(() => resolve(undefined)))
  })
}

/** The process that has a listening socket on this port, by /proc. */
async function holderOf(port: number): Promise<string | undefined> {
  const tables = await Promise.all(['tcp', 'tcp6'].map((name) => readFile(`/proc/net/${name}`, 'utf8').catch(() => '')))
  const hex = port.toString(16).toUpperCase().padStart(4, '0')
  const sockets = tables
    .flatMap((table) => table.split('\n').slice(1))
    .map((line) => line.trim().split(/\s+/))
    .filter(([, local = '', , state]) => local.endsWith(`:${hex}`) && state === '0A')
    .map((fields) => `socket:[${fields[9]}]`)
  for (const pid of (await readdir('/proc')).filter((name) => /^\d+$/.test(name))) {
    const names = await readdir(`/proc/${pid}/fd`).catch(() => [])
    const links = await Promise.all(names.map((fd) => readlink(`/proc/${pid}/fd/${fd}`).catch(() => '')))
    if (links.some((link) => sockets.includes(link))) return `pid ${pid} (${await commandOf(pid)})`
  }
  return undefined
}

const commandOf = async (pid: string) => (await readFile(`/proc/${pid}/comm`, 'utf8').catch(() => '?')).trim()
