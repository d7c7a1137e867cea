import { createPrivateKey, randomBytes, X509Certificate } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ValidityPeriod } from './certificate.ts';
import { serverError } from './errors.ts';

/** The certificate and key of `signet dev --https`, and the CA that clients on this machine must trust. */
export interface HttpsIdentity {
  /** PEM. */
  readonly key: string;
  /** PEM. */
  readonly cert: string;
  /** Path of the CA's certificate, for NODE_EXTRA_CA_CERTS and similar settings. */
  readonly caPath: string;
}

const DAY_MS = 86_400_000;
const CA_DAYS = 3650;
/** Apple accepts at most 398 days. */
const LEAF_DAYS = 397;
const RENEW_DAYS = 30;
/** Other clocks, in containers for instance, may be behind. */
const BACKDATE_MS = 3_600_000;

/**
 * Returns a CA of this data folder and a certificate signed by it, in `<data>/https`. They are created if missing and renewed before they
 * expire. Nothing is added to a trust store: each client is configured with the CA. Throws `certificates_unusable`.
 */
export async function httpsIdentity(dataDir: string, now: Date): Promise<HttpsIdentity> {
  const folder = join(dataDir, 'https');
  const caPath = join(folder, 'ca.pem');
  try {
    mkdirSync(dataDir, { recursive: true, mode: 0o700 });
    if (!isValid(readIfExists(caPath), now)) await createCa(folder, now);
    const ca = readFileSync(caPath, 'utf8');
    const existing = readIfExists(join(folder, 'localhost.pem'));
    const leaf = existing !== undefined && isValid(existing, now, ca) ? existing : await createLeaf(folder, ca, now);
    // One file holds both, so that key and certificate always match.
    return { key: leaf, cert: leaf, caPath };
  } catch (error) {
    throw serverError('certificates_unusable', { folder, reason: (error as Error).message });
  }
}

/** Returns the CA of this data folder, for clients of its server; undefined if https was never used. */
export function readAuthority(dataDir: string): { readonly path: string; readonly pem: string } | undefined {
  const path = join(dataDir, 'https', 'ca.pem');
  const pem = readIfExists(path);
  return pem === undefined ? undefined : { path, pem };
}

function readIfExists(path: string): string | undefined {
  return existsSync(path) ? readFileSync(path, 'utf8') : undefined;
}

/** Returns whether a certificate is valid for long enough, and signed by this CA if one is given. */
function isValid(pem: string | undefined, now: Date, ca?: string): boolean {
  if (pem === undefined) return false;
  const certificate = new X509Certificate(pem);
  if (ca !== undefined && !certificate.verify(new X509Certificate(ca).publicKey)) return false;
  const remaining = Date.parse(certificate.validTo) - now.getTime();
  return now.getTime() >= Date.parse(certificate.validFrom) && remaining >= RENEW_DAYS * DAY_MS;
}

function validityPeriod(now: Date, days: number): ValidityPeriod {
  const from = new Date(now.getTime() - BACKDATE_MS);
  return { from, until: new Date(from.getTime() + days * DAY_MS) };
}

/** Creates the CA. The folder appears with certificate and key, or not at all; of two processes that create it at once, the first wins. */
async function createCa(folder: string, now: Date): Promise<void> {
  const { createAuthority } = await import('./certificate.ts');
  const name = `Signet development CA ${randomBytes(3).toString('hex')}`;
  const { certificate, key } = await createAuthority(name, validityPeriod(now, CA_DAYS));
  const draft = `${folder}.${process.pid}`;
  rmSync(draft, { recursive: true, force: true });
  mkdirSync(draft);
  writeFileSync(join(draft, 'ca.key'), key, { mode: 0o600, flush: true });
  writeFileSync(join(draft, 'ca.pem'), certificate, { flush: true });
  try {
    // Deletes an expired CA together with the certificate that it signed.
    if (!isValid(readIfExists(join(folder, 'ca.pem')), now)) rmSync(folder, { recursive: true, force: true });
    renameSync(draft, folder);
  } catch (error) {
    if (!['EEXIST', 'ENOTEMPTY'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
  } finally {
    rmSync(draft, { recursive: true, force: true });
  }
}

async function createLeaf(folder: string, ca: string, now: Date): Promise<string> {
  const { issueLoopbackCertificate } = await import('./certificate.ts');
  const authority = { certificate: ca, key: createPrivateKey(readFileSync(join(folder, 'ca.key'), 'utf8')) };
  const { certificate, key } = await issueLoopbackCertificate(authority, validityPeriod(now, LEAF_DAYS));
  const path = join(folder, 'localhost.pem');
  writeFileSync(`${path}.${process.pid}`, `${certificate}${key}`, { mode: 0o600, flush: true });
  renameSync(`${path}.${process.pid}`, path);
  return `${certificate}${key}`;
}
