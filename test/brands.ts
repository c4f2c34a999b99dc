/** Small brands for tests of what puts a brand on a site; what the repository's own look like is their tests' matter. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

const drawing = (colour: string) =>
  `<svg xmlns="http://www.w3.org/2000/svg" width="120" height="40" viewBox="0 0 120 40"><rect width="120" height="40" fill="${colour}"/></svg>\n`

/** A folder of brands, `byrne` and `dickson` in it. */
export function makeBrands(directory: string): string {
  for (const brand of ['byrne', 'dickson']) writeBrand(directory, brand)
  return directory
}

/** Write a brand's folder, with a colour that its files show. */
export function writeBrand(directory: string, brand: string, colour = '#0b5394'): void {
  const folder = join(directory, brand)
  mkdirSync(folder, { recursive: true })
  const write = (name: string, text: string) => writeFileSync(join(folder, name), text)
  const colours = { primary: colour }
  write('brand.json', JSON.stringify({ name: brand, title: `Title of ${brand}`, colours }))
  write('theme.css', `:root, [data-theme='light'] { --btn-primary: ${colour}; }\n`)
  write('login.css', "body[data-path='login'] { background: var(--brand-primary); }\n")
  write('pos.css', '.point-of-sale-app { font-variant-numeric: tabular-nums; }\n')
  write('theme.js', 'window.erpTheme = document.readyState\n')
  for (const name of ['logo', 'logo-dark', 'favicon']) write(`${name}.svg`, drawing(colour))
}
