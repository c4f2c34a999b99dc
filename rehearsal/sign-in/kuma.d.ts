/** What a unit test sees of the stand-in for Uptime Kuma. */
import type { Server } from 'node:http'

export interface Kuma {
  http: Server
  secondFactor: boolean
  monitors: Record<number, { name: string; active: boolean; [field: string]: unknown }>
  notifications: { id: number; isDefault: boolean }[]
  pushes: { name: string; status: string }[]
}

export function startKuma(port: number): Kuma
