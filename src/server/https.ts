import { createPrivateKey, randomBytes, X509Certificate } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Failure } from '../platform/errors.ts';
import type { Lifetime } from './certificate.ts';

/** What `signet dev --https` serves with, and by what clients on this machine come to believe it. */
export interface HttpsIdentity {
  /** PEM. */
  readonly key: string;
  /** PEM. */
  readonly cert: string;
  /** The CA's certificate, for NODE_EXTRA_CA_CERTS and the like. */
  readonly caPath: string;
}

const DAY_MS = 86_400_000;
const CA_DAYS = 3650;
/** Apple takes 398 days at the most. */
const LEAF_DAYS = 397;
const RENEW_DAYS = 30;
/** Clocks of other programs, in containers for instance, may be behind. */
const BACKDATE_MS = 3_600_000;

/**
 * A CA of this data folder and a certificate by it, in `<data>/https`: made when missing, and anew when they near their end.
 * Nothing is put in a trust store: a client is told of the CA by its own setting.
 */
export async function httpsIdentity(dataDir: string, now: Date): Promise<HttpsIdentity> {
  const folder = join(dataDir, 'https');
  const caPath = join(folder, 'ca.pem');
  try {
    mkdirSync(dataDir, { recursive: true, mode: 0o700 });
    if (!isGood(readIfThere(caPath), now)) await makeCa(folder, now);
    const ca = readFileSync(caPath, 'utf8');
    const kept = readIfThere(join(folder, 'localhost.pem'));
    const leaf = kept !== undefined && isGood(kept, now, ca) ? kept : await makeLeaf(folder, ca, now);
    // One file holds both, so that they are never of two makings.
    return { key: leaf, cert: leaf, caPath };
  } catch (error) {
    throw new Failure(
      'failed',
      `The certificates in ${folder} cannot be read or made: ${(error as Error).message}. Remove that folder and start again.`,
    );
  }
}

/** The CA of this data folder, for who asks its server; undefined where https was never served. */
export function readAuthority(dataDir: string): { readonly path: string; readonly pem: string } | undefined {
  const path = join(dataDir, 'https', 'ca.pem');
  const pem = readIfThere(path);
  return pem === undefined ? undefined : { path, pem };
}

function readIfThere(path: string): string | undefined {
  return existsSync(path) ? readFileSync(path, 'utf8') : undefined;
}

/** Good for another while, and by this CA where one is given. */
function isGood(pem: string | undefined, now: Date, ca?: string): boolean {
  if (pem === undefined) return false;
  const certificate = new X509Certificate(pem);
  if (ca !== undefined && !certificate.verify(new X509Certificate(ca).publicKey)) return false;
  const remaining = Date.parse(certificate.validTo) - now.getTime();
  return now.getTime() >= Date.parse(certificate.validFrom) && remaining >= RENEW_DAYS * DAY_MS;
}

function lifetime(now: Date, days: number): Lifetime {
  const from = new Date(now.getTime() - BACKDATE_MS);
  return { from, until: new Date(from.getTime() + days * DAY_MS) };
}

/** The folder appears with certificate and key, or not at all; of two processes that make it at once, the first wins. */
async function makeCa(folder: string, now: Date): Promise<void> {
  const { makeAuthority } = await import('./certificate.ts');
  const name = `Signet development CA ${randomBytes(3).toString('hex')}`;
  const { certificate, key } = await makeAuthority(name, lifetime(now, CA_DAYS));
  const draft = `${folder}.${process.pid}`;
  rmSync(draft, { recursive: true, force: true });
  mkdirSync(draft);
  writeFileSync(join(draft, 'ca.key'), key, { mode: 0o600, flush: true });
  writeFileSync(join(draft, 'ca.pem'), certificate, { flush: true });
  try {
    // One that has run out goes, with the certificate that it made.
    if (!isGood(readIfThere(join(folder, 'ca.pem')), now)) rmSync(folder, { recursive: true, force: true });
    renameSync(draft, folder);
  } catch (error) {
    if (!['EEXIST', 'ENOTEMPTY'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
  } finally {
    rmSync(draft, { recursive: true, force: true });
  }
}

async function makeLeaf(folder: string, ca: string, now: Date): Promise<string> {
  const { certifyLoopback } = await import('./certificate.ts');
  const authority = { certificate: ca, key: createPrivateKey(readFileSync(join(folder, 'ca.key'), 'utf8')) };
  const { certificate, key } = await certifyLoopback(authority, lifetime(now, LEAF_DAYS));
  const path = join(folder, 'localhost.pem');
  writeFileSync(`${path}.${process.pid}`, `${certificate}${key}`, { mode: 0o600, flush: true });
  renameSync(`${path}.${process.pid}`, path);
  return `${certificate}${key}`;
}
