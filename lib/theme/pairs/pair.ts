/** One text on one surface, and how the lists beside this file write it. */

export interface Pair {
  /** What a person would call it. */
  where: string
  sheet: 'desk' | 'login'
  /** Elements from the outside in; each by every selector that it is styled by. Without any: the page itself. */
  at?: readonly (string | readonly string[])[]
  /** A variable of the innermost element, or one of its properties. */
  text: string
  /** Layers from the top down, the last one opaque: as `text`, or `property@selector` for one of the outer elements. */
  on: readonly string[]
  /** 4.5 for text; 3 for what is drawn: icons, frames, rings. */
  needs?: 3
}

const pairOf =
  (sheet: Pair['sheet']) =>
  (where: string, text: string, on: string | readonly string[], at: Pair['at'] = [], needs?: 3): Pair => ({
    where,
    sheet,
    at,
    text,
    on: typeof on === 'string' ? [on] : on,
    ...(needs && { needs }),
  })
export const desk = pairOf('desk')
export const login = pairOf('login')

/** Each text on each surface. */
export const all = (
  where: string,
  texts: readonly string[],
  surfaces: readonly string[],
  at: Pair['at'] = [],
): Pair[] => surfaces.flatMap((surface) => texts.map((text) => desk(where, text, surface, at)))
