/** The tenants: everything that an operator decides about each, and nothing that can be derived. */
import type { TenantSpec } from './lib/registry.ts'

const retention = { keepDaily: 7, keepWeekly: 4, keepMonthly: 12 }
const objectives = { maxBackupAgeHours: 26, maxDrillAgeDays: 8, restoreSeconds: 60 }

export default {
  byrne: {
    prefix: 'erpnext',
    title: 'SecureNexus Global',
    site: 'erp.byrne-accounts.org',
    posHost: 'pos.byrne-accounts.org',
    brand: 'byrne',
    apps: ['erpnext'],
    erpnextMajor: 16,
    timeZone: 'Europe/Dublin',
    country: 'Ireland',
    language: 'en',
    objectives,
    retention,
    signUps: false,
  },
  dickson: {
    prefix: 'dickson',
    title: 'Dickson Pharmaceutical',
    site: 'erp.dickson-supplies.com',
    posHost: 'pos.dickson-supplies.com',
    brand: 'dickson',
    apps: ['erpnext'],
    erpnextMajor: 16,
    timeZone: 'Europe/Dublin',
    country: 'Ireland',
    language: 'en',
    objectives,
    retention,
    signUps: false,
  },
} as const satisfies Record<string, TenantSpec>
