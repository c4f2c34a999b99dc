/** The suites by name, and what `--scale` means to each. */
import type { Row } from './measure.ts'
import type { Session } from './stack.ts'
import { backup } from './suites/backup.ts'
import { edge } from './suites/edge.ts'
import { growth } from './suites/growth.ts'
import { health } from './suites/health.ts'
import { redeploy } from './suites/redeploy.ts'
import { startup } from './suites/startup.ts'

export interface Suite {
  summary: string
  /** `fraction`: a size of data, not a count. */
  scale: { means: string; default: number; min: number; max: number; fraction?: boolean }
  run(session: Session): Promise<Row[]>
}

const rounds = { means: 'rounds', default: 11, min: 1, max: 1000 }

export const SUITES: Record<string, Suite> = {
  startup: { summary: "each script's --help beside npx zx of an empty script", scale: rounds, run: startup },
  redeploy: { summary: 'a deploy with nothing to do beside a bare docker compose up -d', scale: rounds, run: redeploy },
  health: { summary: 'healthcheck.ts of two tenants beside a look by hand', scale: rounds, run: health },
  backup: {
    summary: 'backup.ts and a restore beside mysqldump and tar czf',
    scale: {
      means: 'size of the data, 1: 2.4 GB of database and 1.65 GB of files',
      default: 0.1,
      min: 0.01,
      max: 1,
      fraction: true,
    },
    run: backup,
  },
  edge: {
    summary: 'requests through Traefik and the frontend beside the frontend alone',
    scale: { means: 'rounds', default: 3, min: 1, max: 100 },
    run: edge,
  },
  growth: {
    summary: 'redeploy and healthcheck as tenants are added: what one more costs',
    scale: { means: 'the most tenants', default: 10, min: 2, max: 20 },
    run: growth,
  },
}
