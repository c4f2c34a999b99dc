/** A tenant behind the edge with brands of the test's own, and what its site has of a theme. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after } from 'node:test'
import { makeBrands, writeBrand } from '../brands.ts'
import { docker, type TestStack, useStack } from './harness.ts'

export const SITE = 'erp.dickson-supplies.com'

export interface ThemedStack {
  readonly stack: TestStack
  /** The folder of brands. */
  readonly brands: string
  theme(...args: string[]): ReturnType<TestStack['script']>
  /** Make the brand one of its own, by a mark in its sheet for the desk. */
  put(mark: string): void
  /** Run a line of bash in the backend, in sites/. */
  inBackend(code: string): string
  /** site_config.json. */
  config(): Settings & { db_name: string }
  /** The brand's own sheet for the desk, which the mark makes another; those that the brands share stay as they are. */
  deskSheet(): string
  sql(query: string): string
  /** `docker exec` of python in the bench, connected to the site. */
  python(code: string): string[]
  single(doctype: string, field: string): string
  /** Everything that a theme sets, and every file of ours. */
  live(): Live
}

interface Settings {
  app_include_css: string[]
  app_include_js: string[]
  erp_theme: { generation: string; previous?: string; rejected?: string }
}

interface Live extends Settings {
  singles: string
  files: string
}

/** A stack of core and dickson for the tests of one file. */
export function useThemedStack(name: string): ThemedStack {
  const brands = makeBrands(mkdtempSync(join(tmpdir(), 'erp-brands-')))
  after(() => rmSync(brands, { recursive: true, force: true }))
  const stack = useStack(name, ['core', 'dickson'], { ERP_BRANDING: brands })
  const inBackend = (code: string) => docker('exec', stack.container('dickson-backend'), 'bash', '-c', code)
  const config = (): ReturnType<ThemedStack['config']> => JSON.parse(inBackend(`cat ${SITE}/site_config.json`))
  const sql = (query: string) =>
    docker('exec', stack.container('dickson-db'), 'mariadb', '-N', config().db_name, '-e', query)
  return {
    stack,
    brands,
    theme: (...args) => stack.script('apply-theme', ['dickson', ...args]),
    put: (mark) => writeBrand(brands, 'dickson', mark),
    inBackend,
    config,
    deskSheet: () => config().app_include_css.find((path) => /theme-dickson-desk\./.test(path)) ?? '',
    sql,
    python: (code) => [
      ...['--workdir', '/home/frappe/frappe-bench/sites', stack.container('dickson-backend')],
      ...[
        '/home/frappe/frappe-bench/env/bin/python',
        '-c',
        `import sys, frappe; frappe.init('${SITE}'); frappe.connect(); ${code}`,
      ],
    ],
    single: (doctype, field) => sql(`select value from tabSingles where doctype = '${doctype}' and field = '${field}'`),
    live: () => {
      const { app_include_css, app_include_js, erp_theme } = config()
      const singles = sql(
        "select doctype, field, value from tabSingles where doctype rlike '^(Website|Navbar)' order by 1, 2",
      )
      return { app_include_css, app_include_js, erp_theme, singles, files: inBackend(`ls ${SITE}/public/files`) }
    },
  }
}
