/** Reads one dynamic file: YAML, held against the schema, every fault with its line. */
import { isMap, isScalar, isSeq, LineCounter, type Node, parseDocument } from 'yaml'
import { DYNAMIC, type Dynamic, type Shape } from './schema.ts'

/** A file as it stands in a directory: `shared`, or the name of a tenant. */
export interface Source {
  name: string
  /** The path that a message shows. */
  path: string
  text: string
}

export interface Fault {
  path: string
  line: number
  message: string
}

/** A file that keeps the schema. */
export interface DynamicFile extends Source {
  content: Dynamic
  /** A fault at a place of the file: the nearest line that there is. */
  fault(place: readonly (string | number)[], message: string): Fault
}

/** The file, or everything that is wrong with it as YAML and by the schema. Pure. */
export function readDynamic(source: Source): DynamicFile | Fault[] {
  const { path, text } = source
  const template = text.split('\n').findIndex((line) => line.includes('{{'))
  if (template >= 0) return [{ path, line: template + 1, message: 'holds {{, which Traefik takes for a template' }]
  const lines = new LineCounter()
  const document = parseDocument(text, { lineCounter: lines, uniqueKeys: true })
  if (document.errors.length > 0) {
    return document.errors.map(({ linePos, message }) => ({
      path,
      line: linePos?.[0].line ?? 1,
      message: (message.split('\n')[0] ?? '').replace(/ at line \d+.*$/, ''),
    }))
  }
  const lineOf = (node: Node | null | undefined) => lines.linePos(node?.range?.[0] ?? 0).line
  const faults = shapeFaults(document.contents, DYNAMIC, []).map(({ node, message }) => ({
    path,
    line: lineOf(node),
    message,
  }))
  if (faults.length > 0) return faults
  const fault = (place: readonly (string | number)[], message: string): Fault => {
    const known = place.map(
      (_, index) => document.getIn(place.slice(0, place.length - index), true) as Node | undefined,
    )
    return { path, line: lineOf(known.find((node) => node !== undefined)), message: `${place.join('.')}: ${message}` }
  }
  return { ...source, content: contentOf(document.toJS()), fault }
}

function contentOf(file: { http?: Partial<Dynamic>; tls?: Partial<Dynamic> } | null): Dynamic {
  const { routers = {}, middlewares = {}, services = {} } = file?.http ?? {}
  return { routers, middlewares, services, options: file?.tls?.options ?? {} }
}

interface Misfit {
  node: Node | null
  message: string
}

type Place = readonly (string | number)[]
const at = (place: Place) => (place.length > 0 ? `${place.join('.')}: ` : '')

/** Everything in a node that does not have the shape. */
function shapeFaults(node: Node | null, shape: Shape, place: Place): Misfit[] {
  const must = (what: string): Misfit[] => [{ node, message: `${at(place)}must be ${what}` }]
  switch (shape.kind) {
    case 'list':
      if (!isSeq(node)) return must('a list')
      return node.items.flatMap((item, index) => shapeFaults(item as Node, shape.of, [...place, index]))
    case 'named':
    case 'fields':
      return isMap(node) ? mapFaults(node, shape, place) : must('a mapping')
    case 'text':
      return isScalar(node) && typeof node.value === 'string' ? [] : must('text')
    default:
      return isScalar(node) && isValue(node.value, shape.kind) ? [] : must(`a ${shape.kind}`)
  }
}

/** A number is whole and not negative: all of ours count something. */
const isValue = (value: unknown, kind: 'number' | 'boolean') =>
  kind === 'number' ? Number.isInteger(value) && (value as number) >= 0 : typeof value === 'boolean'

function mapFaults(
  node: Extract<Node, { items: { key: unknown; value: unknown }[] }>,
  shape: Extract<Shape, { kind: 'named' | 'fields' }>,
  place: Place,
): Misfit[] {
  const pairs = node.items.map(({ key, value }) => ({ key: key as Node, name: nameOf(key), value: value as Node }))
  const faults = pairs.flatMap(({ key, name, value }): Misfit[] => {
    const inner = shape.kind === 'named' ? shape.of : Object.hasOwn(shape.of, name) ? shape.of[name] : undefined
    if (!inner) return [{ node: key, message: `${at(place)}unknown field ${name}` }]
    return shapeFaults(value, inner, [...place, name])
  })
  const missing = shape.kind === 'fields' ? shape.needs.filter((name) => !pairs.some((pair) => pair.name === name)) : []
  return [...faults, ...missing.map((name) => ({ node, message: `${at(place)}${name} is missing` }))]
}

const nameOf = (key: unknown) => (isScalar(key) ? String(key.value) : String(key))
