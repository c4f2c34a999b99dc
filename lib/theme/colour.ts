/** Colours as CSS writes them, laid over each other, and their contrast by WCAG 2. */

/** Red, green, blue 0 to 255; alpha 0 to 1. */
export type Colour = readonly [red: number, green: number, blue: number, alpha: number]

const NAMED: Record<string, Colour> = {
  white: [255, 255, 255, 1],
  black: [0, 0, 0, 1],
  transparent: [0, 0, 0, 0],
  none: [0, 0, 0, 0],
}

/** One colour; undefined where it is none that we read. Pure. */
export function parseColour(text: string): Colour | undefined {
  const word = text.trim().toLowerCase()
  if (Object.hasOwn(NAMED, word)) return NAMED[word]
  const [, hex] = /^#([0-9a-f]{3,4}|[0-9a-f]{6}|[0-9a-f]{8})$/.exec(word) ?? []
  if (hex) return fromHex(hex)
  const [, inside] = /^rgba?\(([^()]*)\)$/.exec(word) ?? []
  const parts = inside?.split(/[\s,/]+/).filter(Boolean) ?? []
  const numbers = parts.map((part, index) =>
    part.endsWith('%') ? (Number.parseFloat(part) / 100) * (index < 3 ? 255 : 1) : Number(part),
  )
  if (numbers.length < 3 || numbers.length > 4 || numbers.some(Number.isNaN)) return undefined
  const [red = 0, green = 0, blue = 0, alpha = 1] = numbers
  return [red, green, blue, alpha]
}

function fromHex(hex: string): Colour {
  const long = hex.length < 6 ? [...hex].map((digit) => digit + digit).join('') : hex
  const [red = 0, green = 0, blue = 0, alpha = 255] = (long.match(/../g) ?? []).map((pair) => Number.parseInt(pair, 16))
  return [red, green, blue, alpha / 255]
}

/** A gradient is sampled between its stops as well: black text is worst where two colours meet. */
const SAMPLES = 8

const DIRECTION = /^(to\s[a-z\s]+|-?[\d.]+(deg|turn|rad|grad))$/

/**
 * Every colour that a value paints: one, or a gradient's stops and what lies between them. Empty: none was read, or not all, of
 * which a browser paints none either.
 */
export function coloursOf(value: string): Colour[] {
  const [, inside] = /linear-gradient\((.*)\)/s.exec(value) ?? []
  if (inside === undefined) {
    const one = parseColour(value) ?? parseColour(value.split(/\s+(?![^(]*\))/)[0] ?? '')
    return one ? [one] : []
  }
  const parts = inside.split(/,(?![^(]*\))/).map((part) => part.trim())
  const read = (DIRECTION.test(parts[0] ?? '') ? parts.slice(1) : parts).map((stop) =>
    parseColour(stop.replace(/\s+-?[\d.]+%$/, '')),
  )
  const stops = read.filter((colour) => colour !== undefined)
  if (stops.length < read.length) return []
  return stops.flatMap((stop, index) => {
    const next = stops[index + 1]
    if (!next) return [stop]
    return Array.from({ length: SAMPLES }, (_, step) => between(stop, next, step / SAMPLES))
  })
}

const between = (from: Colour, to: Colour, part: number): Colour => {
  const at = (index: 0 | 1 | 2 | 3) => from[index] + (to[index] - from[index]) * part
  return [at(0), at(1), at(2), at(3)]
}

/** A colour as it looks on an opaque one. */
export function over([red, green, blue, alpha]: Colour, [r, g, b]: Colour): Colour {
  const mix = (upper: number, lower: number) => upper * alpha + lower * (1 - alpha)
  return [mix(red, r), mix(green, g), mix(blue, b), 1]
}

/** WCAG 2's contrast of two opaque colours: 1 to 21. */
export function contrast(one: Colour, other: Colour): number {
  const [light = 0, dark = 0] = [luminance(one), luminance(other)].sort((a, b) => b - a)
  return (light + 0.05) / (dark + 0.05)
}

function luminance([red, green, blue]: Colour): number {
  const linear = (channel: number) => {
    const part = channel / 255
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4
  }
  return 0.2126 * linear(red) + 0.7152 * linear(green) + 0.0722 * linear(blue)
}

/** As brand.json writes it, for a message. */
export const hexOf = ([red, green, blue]: Colour) =>
  `#${[red, green, blue].map((channel) => Math.round(channel).toString(16).padStart(2, '0')).join('')}`
