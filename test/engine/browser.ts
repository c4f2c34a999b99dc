/** A real browser before a stack's public hosts: Debian's Chromium, in the public network beside Traefik. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Browser, chromium, type Page } from 'playwright-core'
import type { TestStack } from './harness.ts'
import { edgeAddress, makeClient } from './visitor.ts'

/** The client of the release that the image's server has. */
const CLIENT = fileURLToPath(import.meta.resolve('socket.io-client/dist/socket.io.js'))

/**
 * Start it, in a network namespace of its own: it gives up what it is loading whenever an interface beside it comes or
 * goes, as Docker makes for each stack. The certificate is of a private authority, which other tests look at.
 */
export async function openBrowser(stack: TestStack): Promise<Browser> {
  const client = makeClient(stack, 'browser')
  const folder = mkdtempSync(join(tmpdir(), 'erp-browser-'))
  const program = join(folder, 'chromium')
  const inside = `exec nsenter --target ${client.pid} --net /usr/bin/chromium "$@"`
  writeFileSync(program, `#!/bin/sh\n${inside}\n`, { mode: 0o700 })
  const args = ['--no-sandbox', '--disable-gpu', `--host-resolver-rules=MAP *:443 ${edgeAddress(stack)}:443`]
  const browser = await chromium.launch({ executablePath: program, args })
  browser.on('disconnected', () => {
    client.leave()
    rmSync(folder, { recursive: true })
  })
  return browser
}

/** A page of a host on which somebody has signed in. */
export async function signIn(browser: Browser, host: string, user: string, password: string): Promise<Page> {
  const context = await browser.newContext({ ignoreHTTPSErrors: true })
  const page = await context.newPage()
  await page.goto(`https://${host}/login`)
  const body = JSON.stringify({ usr: user, pwd: password })
  const headers = JSON.stringify({ 'Content-Type': 'application/json' })
  const status = await page.evaluate(
    `fetch('/api/method/login', { method: 'POST', headers: ${headers}, body: ${JSON.stringify(body)} }).then((a) => a.status)`,
  )
  if (status !== 200) throw new Error(`${host}: signing in was answered with ${status}`)
  return page
}

/** Connect to realtime as ERPNext's desk does; once connected, the returned function waits for one event. */
export async function listen(
  page: Page,
  site: string,
  event: string,
  transports: string[],
): Promise<() => Promise<unknown>> {
  await page.addScriptTag({ path: CLIENT })
  await page.evaluate(`new Promise((done, fail) => {
    const socket = io(${JSON.stringify(`/${site}`)}, { transports: ${JSON.stringify(transports)}, reconnection: false })
    window.received = new Promise((got) => socket.on(${JSON.stringify(event)}, got))
    socket.on('connect', done)
    socket.on('connect_error', fail)
  })`)
  const late = "new Promise((_, fail) => setTimeout(() => fail(new Error('no event within 10 s')), 10000))"
  return () => page.evaluate(`Promise.race([window.received, ${late}])`)
}
