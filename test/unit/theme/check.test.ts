/** What of a brand is refused, each with its place; and that what is good passes. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { renderFault } from '../../../lib/theme/fault.ts'
import { scriptFaults } from '../../../lib/theme/script.ts'
import { cssFaults } from '../../../lib/theme/stylesheet.ts'
import { svgFaults } from '../../../lib/theme/svg.ts'

const css = async (text: string) => (await cssFaults('t.css', text)).map(renderFault)
const svg = async (text: string) => (await svgFaults('t.svg', text)).map(renderFault)
const drawing = (inside: string) => `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9">${inside}</svg>`

describe('a style sheet', () => {
  for (const good of [
    ':root,[data-theme="light"]{--a:#123456;color:var(--a,)}',
    '.item-wrapper:has(.indicator-pill.orange) .item-display::after{content:"\\211E"}',
    'a{background:url(/assets/x.svg) , url("#mark"), url(/files/theme-x-logo.0123456789ab.svg)}',
    'a{mask:url("data:image/svg+xml,%3Csvg xmlns=\'http://www.w3.org/2000/svg\'/%3E")}',
    '@media print{.page-head{background:none}} /* https://example.org is but a comment */',
    'a{content:"Note: see below"}',
  ]) {
    it(`passes: ${good.slice(0, 50)}`, async () => assert.deepEqual(await css(good), []))
  }

  for (const [bad, place] of [
    ['a{background:url(https://evil.example/x)}', '1:14'],
    ['a{\n  background:url( "//evil.example/x" )}', '2:14'],
    ['a{background:\\75rl(https://evil.example)}', '1:14'],
    ['a{background:\\75 \\72 l(https://evil.example)}', '1:14'],
    ['a{background:URL(ht\\74ps://evil.example)}', '1:14'],
    ['a{background:url(\\2f\\2f evil.example)}', '1:14'],
    ['a{background:url(/\\\\evil.example)}', '1:14'],
    ['a{background:url(h\nttps://evil.example)}', '1:14'],
    ['a{background:image-set("https://evil.example/x" 1x)}', '1:24'],
    ['a{--x:url(//evil.example)}', '1:7'],
    ['a{--x:"https:evil.example";background:image-set(var(--x) 1x)}', '1:7'],
    ['a{background:src("http://evil.example")}', '1:18'],
    ['@font-face{font-family:x;src:url(http://evil.example/f.woff2)}', '1:30'],
    ['@import "x.css";', '1:1'],
    ['@charset "shift_jis";', '1:1'],
    // what begins with # is a name and no url(): quotes count in its bracket, and not in a url's
    ['a{--x:#url(/assets/a"b) c");background:url(//evil.example/p.png);--y:("; url(/assets/q");--z:0}', '1:40'],
    ['@\\69mport url(//evil.example);', '1:1'],
    ['a{background:url(data:text/html,x)}', '1:14'],
    [`a{background:url(data:image/png;base64,${'A'.repeat(17_000)})}`, '1:14'],
    ['a{background:url(javascript:alert(1))}', '1:14'],
    ['a{background:url(logo.svg)}', '1:14'],
    ['a{b:c}\n</style><script>x</script>', '2:1'],
    ['a{content:"</STYLE>"}', '1:12'],
    ['a{b:c}<!-- -->', '1:7'],
    ['a{color red}', '1:8'],
    ['a{b:c', '1:2'],
    ['a{b:c}}', '1:7'],
    ['a{b:(c}', '1:'],
    ['a{content:"x\n}', '1:11'],
    ['a{b:c}/* open', '1:7'],
    ['a{background:url(x', '1:2'],
    ['hello world', '1:12'],
    ['/* nothing */', '1:1'],
  ] as const) {
    it(`is refused: ${bad.slice(0, 50).replace('\n', '⏎')}`, async () => {
      const [first = ''] = await css(bad)
      assert.ok(first.startsWith(`t.css:${place}`), `${first || 'it passed'}, not at ${place}`)
    })
  }
})

describe('a script', () => {
  it('passes by its syntax, and is never run', () => {
    assert.deepEqual(scriptFaults('t.js', 'globalThis.themeRan = true; throw new Error("never")'), [])
    assert.equal('themeRan' in globalThis, false)
  })
  it('is refused where it has none, with line and column, and where it would end its element', () => {
    assert.match(
      renderFault(scriptFaults('t.js', 'let a = 1\nlet b = = 2')[0] ?? assert.fail()),
      /^t\.js:2:9: Unexpected token/,
    )
    assert.match(renderFault(scriptFaults('t.js', '1\n"</script>"')[0] ?? assert.fail()), /^t\.js:2:2: /)
    assert.equal(scriptFaults('t.js', 'import x from "y"').length, 1)
  })
})

describe('a drawing', () => {
  for (const good of [
    drawing('<title>A &amp; B</title><path d="M0 0h9" fill="url(#g)"/><!-- made here -->'),
    `<?xml version="1.0" encoding="UTF-8"?>\n${drawing('<style>path{fill:#fff}@media (prefers-color-scheme:dark){path{fill:#000}}</style>')}`,
    drawing(
      '<defs><linearGradient id="g"><stop offset="0" stop-color="#0066cc"/></linearGradient></defs><use href="#g"/>',
    ),
  ]) {
    it(`passes: ${good.slice(63, 110)}`, async () => assert.deepEqual(await svg(good), []))
  }

  for (const [bad, what] of [
    [drawing('<script>alert(1)</script>'), /<script> is not on the list/],
    [drawing('<SCRIPT/>'), /<SCRIPT> is not on the list/],
    [drawing('<x:script xmlns:x="http://www.w3.org/2000/svg"/>'), /not well-formed/],
    [drawing('<foreignObject/>'), /<foreignObject>/],
    [drawing('<image href="https://evil.example/x.png"/>'), /<image>/],
    [drawing('<a href="#x"><path/></a>'), /<a> is not/],
    [drawing('<animate attributeName="href"/>'), /<animate>/],
    [drawing('<path onclick="x()"/>'), /onclick would run/],
    [drawing('<use href="//evil.example/x.svg#y"/>'), /href may lead only to/],
    [drawing('<use xlink:href="data:image/svg+xml,x"/>'), /xlink:href may lead only/],
    [drawing('<use href="&#x68;ttps://evil.example"/>'), /href may lead only/],
    [drawing('<path fill="url(https://evil.example)"/>'), /fill may refer only/],
    [drawing('<path style="fill:u\\72l(//evil.example)"/>'), /style may refer only/],
    [drawing('<style>@import "//evil.example"</style>'), /@import/],
    [drawing('<style>path{fill:&#117;rl(//evil.example)}</style>'), /an entity in a style sheet/],
    [drawing('<style><![CDATA[a{}]]></style>'), /not allowed/],
    ['<!DOCTYPE svg [<!ENTITY x SYSTEM "file:///etc/passwd">]><svg>&x;</svg>', /not allowed/],
    [drawing('&x;'), /an entity/],
    ['<?xml-stylesheet href="//evil.example"?><svg/>', /not allowed/],
    [drawing('<path><g></path></g>'), /<\/path> closes <g>/],
    [drawing('<g>').replace('</svg>', ''), /<svg> is not closed/],
    [drawing('<path d="x" d="y"/>'), /d stands twice/],
    [drawing('') + drawing(''), /one <svg> is the whole file/],
    ['<svg viewBox="0 0 1 1"/>', /xmlns=.* is missing/],
    ['<svg xmlns="http://www.w3.org/2000/svg"/>', /neither viewBox/],
    ['<html/>', /<html> is not on the list/],
    ['PNG', /text outside/],
  ] as const) {
    it(`is refused: ${bad.replace(drawing('').slice(0, -6), '').slice(0, 60)}`, async () => {
      const faults = await svg(bad)
      assert.ok(
        faults.some((fault) => what.test(fault) && /^t\.svg:\d+:\d+: /.test(fault)),
        faults.join('\n') || 'it passed',
      )
    })
  }
})
