/** The full sweep: every mode of the injector at every docker call of a live restore. Long: a third of a minute a call. */
import assert from 'node:assert/strict'
import { before, describe, it } from 'node:test'
import { useStack } from '../engine/harness.ts'
import { type MarkedBooks, markBooks, restoreUnder } from '../engine/restores.ts'
import { SWEPT } from './injector.ts'

const stack = useStack('restoresweep', ['dickson', 'byrne'])

/** The numbers of its calls, from 1. What it asks again and again while a service starts counts once. */
function pointsOf(calls: string[]): number[] {
  const texts = calls.map((call) => call.replaceAll(/[0-9a-f]{8,}/g, '…'))
  return texts.flatMap((text, index) => (texts.slice(Math.max(0, index - 4), index).includes(text) ? [] : [index + 1]))
}

describe('a fault at every docker call of a restore', () => {
  let marked: MarkedBooks
  let points: number[]
  before(async () => {
    marked = await markBooks(stack)
    const { code, stderr } = await stack.script('backup', ['dickson'])
    assert.equal(code, 0, stderr)
    points = pointsOf((await restoreUnder(stack, marked)).calls)
    assert.ok(points.length > 30, `${points.length} calls`)
  })

  for (const [name, fault] of Object.entries(SWEPT)) {
    it(`${name}: the books are the old ones or the new ones, and the next run needs no hand`, async (test) => {
      let struck = 0
      for (const at of points) if ((await restoreUnder(stack, marked, { at, ...fault })).struck) struck++
      test.diagnostic(`${struck} of ${points.length} calls were struck`)
      assert.ok(struck >= points.length - 10, 'a run now and then asks less often')
    })
  }
})
