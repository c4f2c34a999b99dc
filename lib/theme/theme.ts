/** A theme: a brand's files checked, rendered, and named by what is in them. Nothing here touches a site. */
import { createHash } from 'node:crypto'
import { stat } from 'node:fs/promises'
import { dirname, join, relative, resolve } from 'node:path'
import { preconditionError } from '../errors.ts'
import type { Tenant } from '../registry.ts'
import { type Brand, COMMON, parseBrand, renderCss, renderJs, type Sheet } from './brand.ts'
import { contrastFaults, type Sheets } from './contrast.ts'
import { type Fault, faultAt, renderFault } from './fault.ts'
import { kindOf, readSource, type SourceFile } from './files.ts'
import { scriptFaults } from './script.ts'
import { cssFaults } from './stylesheet.ts'
import { svgFaults } from './svg.ts'

/** A theme's files by what they are for, their part of the published name; each list's style sheets in their order. */
const PARTS = {
  'common-desk': `${COMMON}/theme.css`,
  'common-pos': `${COMMON}/pos.css`,
  'common-login': `${COMMON}/login.css`,
  desk: 'theme.css',
  pos: 'pos.css',
  login: 'login.css',
  script: 'theme.js',
  logo: 'logo.svg',
  'logo-dark': 'logo-dark.svg',
  favicon: 'favicon.svg',
} as const
type Part = keyof typeof PARTS
const OPTIONAL: Part[] = ['script']

/** What a tenant's site is to show: kept in the assets volume as manifest.json, beside the files. */
export interface Manifest {
  /** Hash of everything below. */
  id: string
  brand: string
  /** Published names, such as `theme-dickson-desk.0123456789ab.css`, and the hash of each. */
  files: Record<string, string>
  /** Entries of `app_include_css` and `app_include_js`, in order. */
  css: string[]
  js: string[]
  /** Our line of Website Settings' head_html, with its links in order. */
  head: string
  /** Fields of the two Settings, as `Website Settings.app_logo`. */
  fields: Record<string, string>
}

export interface Theme {
  manifest: Manifest
  /** What is published, by name. */
  content: Record<string, string>
  /** The brand's folder as it is, by name, and what the brands share, as `common/theme.css`. */
  source: Record<string, string>
}

const sha256 = (text: string) => createHash('sha256').update(text).digest('hex')

/** Where the brands are: ERP_BRANDING, or the repository's own. */
const brandFolder = ({ settings, brand }: Tenant) =>
  join(resolve(settings.root, settings.env.ERP_BRANDING || 'branding'), brand)

const isCommon = (name: string) => name.startsWith(`${COMMON}/`)
/** Where a file's name begins: what the brands share lies beside the brand's folder. */
const baseOf = (folder: string, name: string) => (isCommon(name) ? dirname(folder) : folder)

/**
 * Read a tenant's brand and what the brands share, check all of it, and render it.
 * @throws OperatorError (3) with every fault as `file:line:column: …`
 */
export async function prepareTheme(tenant: Tenant): Promise<Theme> {
  const folder = brandFolder(tenant)
  const shown = folder.startsWith(`${tenant.settings.root}/`) ? relative(tenant.settings.root, folder) : folder
  await requireFolders(tenant, folder, shown)
  const names = Object.entries(PARTS) as [Part, string][]
  const read = (name: string, optional = false) => readSource(baseOf(folder, name), name, baseOf(shown, name), optional)
  const json = await read('brand.json')
  const files = await Promise.all(names.map(([part, name]) => read(name, OPTIONAL.includes(part))))
  const sources = [json, ...files].filter((file) => file !== undefined)
  refuse(
    tenant,
    sources.flatMap(({ faults }) => faults.map(renderFault)),
  )
  const brand = parseBrand(json?.text ?? '', `${shown}/brand.json`)
  const texts = Object.fromEntries(sources.map(({ name, text }) => [name, text]))
  const rendered = sources.map((file) => ({ ...file, text: render(brand, file) }))
  const checked = rendered.map((file) => faultsOf(brand, file, shown))
  refuse(tenant, (await Promise.all(checked)).flat().map(renderFault))
  refuse(tenant, contrastFaults(brand, texts as unknown as Sheets))
  return { ...publish(tenant, brand, new Map(rendered.map(({ name, text }) => [name, text]))), source: texts }
}

async function requireFolders(tenant: Tenant, folder: string, shown: string): Promise<void> {
  const isFolder = (path: string) =>
    stat(path).then(
      (found) => found.isDirectory(),
      () => false,
    )
  const none = (what: string) => preconditionError(`${tenant.name}: ${what}`, 'see docs/branding.md')
  if (!(await isFolder(folder))) throw none(`its brand ${tenant.brand} has no folder ${shown}`)
  const common = join(dirname(shown), COMMON)
  if (!(await isFolder(join(dirname(folder), COMMON)))) throw none(`what the brands share has no folder ${common}`)
}

/** @param faults lines `file:line:column: …` */
function refuse(tenant: Tenant, faults: string[]): void {
  if (faults.length === 0) return
  const lines = faults.map((fault) => `\n  ${fault}`).join('')
  throw preconditionError(`${tenant.name}: the brand is refused, the live theme is unchanged:${lines}`)
}

function render(brand: Brand, { name, text }: SourceFile): string {
  if (isCommon(name)) return text
  if (name.endsWith('.css')) return renderCss(brand, name as Sheet, text)
  return name.endsWith('.js') ? renderJs(brand, text) : text
}

/** The rendered text is checked; what rendering put before the first line is taken off its columns. */
async function faultsOf(brand: Brand, { name, text }: SourceFile, shown: string): Promise<Fault[]> {
  const file = join(baseOf(shown, name), name)
  const kind = kindOf(name)
  if (kind === 'js') return scriptFaults(file, text)
  if (kind === 'svg') return svgFaults(file, text)
  if (kind === 'json') return []
  if (isCommon(name)) return commonFaults(file, text)
  const before = renderCss(brand, name as Sheet, '').length
  const own = (fault: Fault) => (fault.line === 1 ? { ...fault, column: Math.max(1, fault.column - before) } : fault)
  return (await cssFaults(file, text)).map(own)
}

/** Published as it is, it has no brand's words. */
async function commonFaults(file: string, text: string): Promise<Fault[]> {
  const at = text.indexOf('{{')
  return at < 0 ? cssFaults(file, text) : [faultAt(file, text, at, "only a brand's own sheets may have a placeholder")]
}

/** Name everything by its content, and say where each name goes. */
function publish({ brand: folder }: Tenant, brand: Brand, texts: Map<string, string>): Omit<Theme, 'source'> {
  const named = (Object.entries(PARTS) as [Part, string][]).flatMap(([part, file]) => {
    const text = texts.get(file)
    if (text === undefined) return []
    const name = `theme-${folder}-${part}.${sha256(text).slice(0, 12)}.${kindOf(file)}`
    return [{ part, name, text }]
  })
  const url = (part: Part) => named.filter((one) => one.part === part).map(({ name }) => `/files/${name}`)
  const [logo = ''] = url('logo')
  const [logoDark = ''] = url('logo-dark')
  const [favicon = ''] = url('favicon')
  const manifest = {
    brand: folder,
    files: Object.fromEntries(named.map(({ name, text }) => [name, sha256(text)])),
    css: [...url('common-desk'), ...url('common-pos'), ...url('desk'), ...url('pos')],
    js: url('script'),
    head: [...url('common-login'), ...url('login')].map((href) => `<link rel="stylesheet" href="${href}">`).join(''),
    fields: {
      'Website Settings.app_name': brand.title,
      'Website Settings.app_logo': logoDark, // the login page's and the desktop's bar are coloured
      'Website Settings.splash_image': logo,
      'Website Settings.favicon': favicon,
      'Navbar Settings.app_logo': logoDark,
    },
  }
  const id = sha256(JSON.stringify(manifest)).slice(0, 12)
  return { manifest: { id, ...manifest }, content: Object.fromEntries(named.map(({ name, text }) => [name, text])) }
}
