/** Judges the certificate of a host: for whom, by whom, how long still; each way of not having one has its own name. */
import { type Certificate, checkServerIdentity, type PeerCertificate } from 'node:tls'
import type { Handshake } from './hosts.ts'

/** Days before its end. */
const DAYS = { warn: 21, fail: 7 }
const DAY = 86_400_000
const RUNBOOK = 'see docs/edge.md#a-certificate-is-not-issued'

export interface Verdict {
  state: 'ok' | 'warn' | 'fail'
  is: string
  limit?: string
  remedy?: string
  /** When it ends, in milliseconds since 1970. */
  expires?: number
  /** There is none that a browser would take, so that nothing can be asked by https. */
  none: boolean
}

/** What a handshake says of a host's certificate. */
export function judgeCertificate(host: string, { certificate, distrust, error }: Handshake, now = Date.now()): Verdict {
  const fail = (is: string, remedy = RUNBOOK): Verdict => ({ state: 'fail', is, remedy, none: true })
  if (error && /UNRECOGNIZED_NAME/.test(error)) return fail('none was issued yet')
  if (error || !certificate?.valid_to)
    return fail(`no handshake: ${error ?? 'no certificate'}`, 'npx zx scripts/deploy.ts core')
  const wrong = fault(host, certificate, distrust, now)
  const expires = Date.parse(certificate.valid_to)
  if (wrong) return { ...fail(wrong), ...(expires <= now && { expires }) }
  const days = Math.floor((expires - now) / DAY)
  const state = days <= DAYS.fail ? 'fail' : days <= DAYS.warn ? 'warn' : 'ok'
  const limit = `> ${DAYS.fail} days`
  const is = `${days} days left, by ${nameOf(certificate.issuer)}`
  return { state, is, limit, expires, none: false, ...(state !== 'ok' && { remedy: RUNBOOK }) }
}

function fault(
  host: string,
  certificate: PeerCertificate,
  distrust: string | undefined,
  now: number,
): string | undefined {
  const { subject, issuer, valid_from: from, valid_to: to } = certificate
  const issued = nameOf(issuer)
  if (subject.CN === 'TRAEFIK DEFAULT CERT') return "Traefik's own default certificate"
  if (/staging/i.test(`${issuer.O} ${issuer.CN}`)) return `by ${issued}, a staging authority that no browser trusts`
  if (distrust === 'DEPTH_ZERO_SELF_SIGNED_CERT') return 'self-signed'
  if (checkServerIdentity(host, certificate))
    return `for another name: ${certificate.subjectaltname ?? nameOf(subject)}`
  if (Date.parse(to) <= now) return `expired since ${to}`
  if (Date.parse(from) > now) return `valid only from ${from}`
  return distrust && `by ${issued}, not trusted: ${distrust}`
}

const nameOf = ({ CN, O }: Partial<Certificate>) => [CN ?? O ?? 'nobody'].flat().join()
