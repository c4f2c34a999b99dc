/** Small file systems for a stack, to be filled up: below its home, or as a volume of a tenant. */
import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import { mkdirSync, statfsSync } from 'node:fs'
import { join } from 'node:path'
import { after } from 'node:test'
import { docker, type TestStack } from './harness.ts'

export const MIB = 2 ** 20
/** Bytes; room enough for everything. */
const LARGE = 2 ** 30

export interface Disk {
  /** Where it is mounted on this machine. */
  path: string
  /** Bytes in use. */
  used(): number
  /** Leave this many bytes free. */
  leave(bytes: number): void
  /** Make it large again. */
  free(): void
}

function diskAt(path: string): Disk {
  const used = () => {
    const { blocks, bfree, bsize } = statfsSync(path)
    return (blocks - bfree) * bsize
  }
  const resize = (bytes: number) => {
    const size = Math.ceil(bytes / 4096) * 4096
    return spawnSync('mount', ['-o', `remount,size=${size}`, path], { encoding: 'utf8' })
  }
  return {
    path,
    used,
    leave: (bytes) => {
      // more may have been written since it was asked what is used: less than that is refused
      for (let tries = 0; tries < 100; tries++) if (resize(used() + bytes).status === 0) return
      throw new Error(`${path} cannot be made small`)
    },
    free: () => assert.equal(resize(LARGE).status, 0),
  }
}

/**
 * Mount one below a stack's home, which is not there yet: call it from a hook.
 * Call `unmountAtTheEnd` before `useStack`: hooks run in their order, and the home is removed by the latter's.
 */
export function mountDisk(path: string, mounted: string[]): Disk {
  mkdirSync(path, { recursive: true, mode: 0o700 })
  execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${LARGE},mode=700`, 'tmpfs', path])
  mounted.push(path)
  return diskAt(path)
}

/** Returns the list of what mountDisk mounts. */
export function unmountAtTheEnd(): string[] {
  const mounted: string[] = []
  after(() => {
    for (const path of mounted) execFileSync('umount', ['--lazy', path])
  })
  return mounted
}

/** Make a volume of a tenant's one, before its deploy. */
export function makeVolume(stack: TestStack, part: string, mounted: string[]): Disk {
  const disk = mountDisk(join(stack.home, 'disks', part), mounted)
  const labels = { project: `${stack.prefix}securenexus-erp`, volume: part }
  const marks = Object.entries(labels).flatMap(([key, value]) => ['--label', `com.docker.compose.${key}=${value}`])
  const bound = ['--opt', 'type=none', '--opt', 'o=bind', '--opt', `device=${disk.path}`]
  docker('volume', 'create', '--driver', 'local', ...bound, ...marks, stack.container(part))
  return disk
}

/** Do the work, and take away what is free of a disk, but for `left` bytes, once `moment` has come; give it back after. */
export async function fullOnce<T>(disk: Disk, moment: () => boolean, work: () => Promise<T>, left = 0): Promise<T> {
  let full = false
  const watch = setInterval(() => {
    if (full || !moment()) return
    full = true
    disk.leave(left)
  }, 10)
  try {
    return await work()
  } finally {
    clearInterval(watch)
    disk.free()
    assert.ok(full, 'the disk never filled up')
  }
}
