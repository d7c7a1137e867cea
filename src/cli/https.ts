import { createPrivateKey, randomBytes, webcrypto, X509Certificate } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type * as Pki from 'pkijs';
import { Failure } from '../platform/failure.ts';

/** What `signet dev --https` serves with, and the file by which clients on this machine come to believe it. */
export interface HttpsIdentity {
  /** PEM: the leaf's private key. */
  readonly key: string;
  /** PEM: the leaf. */
  readonly cert: string;
  /** Path of the CA's certificate, for NODE_EXTRA_CA_CERTS and the like. */
  readonly caPath: string;
}

const DAY_MS = 86_400_000;
const CA_DAYS = 3650;
/** What Apple and the CA/Browser Forum take at the most is 398 days. */
const LEAF_DAYS = 397;
const RENEW_DAYS = 30;
/** Clocks of other programs on this machine, containers for instance, may be behind. */
const BACKDATE_MS = 3_600_000;

const ECDSA = { name: 'ECDSA', namedCurve: 'P-256' };

/** OIDs of RFC 5280 §4.2.1. */
const KEY_USAGE = '2.5.29.15';
const BASIC_CONSTRAINTS = '2.5.29.19';
const NAME_CONSTRAINTS = '2.5.29.30';
const SUBJECT_KEY_ID = '2.5.29.14';
const AUTHORITY_KEY_ID = '2.5.29.35';
const SUBJECT_ALT_NAME = '2.5.29.17';
const EXTENDED_KEY_USAGE = '2.5.29.37';
const SERVER_AUTH = '1.3.6.1.5.5.7.3.1';

/** The names of this machine to itself. GeneralName types: 2 = DNS name, 7 = IP address. */
const LOCALHOST = 'localhost';
const LOOPBACK = [[127, 0, 0, 1], [...Array(15).fill(0), 1]] as const;

/**
 * A CA of this data folder and a leaf for localhost, 127.0.0.1 and ::1, in `<data>/https`; made when they are missing, and the
 * leaf anew when it nears its end. Nothing is put in a trust store. Whoever takes the CA's key can speak for this machine's
 * loopback names alone: the CA is constrained to them (RFC 5280 §4.2.1.10) and makes no further CA.
 */
export async function developmentCertificate(dataDir: string, now: Date): Promise<HttpsIdentity> {
  const folder = join(dataDir, 'https');
  const caPath = join(folder, 'ca.pem');
  try {
    mkdirSync(dataDir, { recursive: true });
    if (!isGood(read(caPath), now)) await makeCa(folder, now);
    const ca = readFileSync(caPath, 'utf8');
    const leaf = read(join(folder, 'localhost.pem'));
    const whole = isGood(leaf, now, ca) ? (leaf as string) : await makeLeaf(folder, ca, now);
    return { key: whole, cert: whole, caPath };
  } catch (error) {
    if (error instanceof Failure) throw error;
    throw new Failure(
      'failed',
      `The certificate for https in ${folder} cannot be read or made (${(error as Error).message}). Remove that folder and start again.`,
    );
  }
}

function read(path: string): string | undefined {
  return existsSync(path) ? readFileSync(path, 'utf8') : undefined;
}

/** Good for another while, and, for a leaf, by this CA. */
function isGood(pem: string | undefined, now: Date, ca?: string): boolean {
  if (pem === undefined) return false;
  const certificate = new X509Certificate(pem);
  const isOfCa = ca === undefined || certificate.verify(new X509Certificate(ca).publicKey);
  return (
    isOfCa &&
    now >= certificate.validFromDate &&
    certificate.validToDate.getTime() - now.getTime() >= RENEW_DAYS * DAY_MS
  );
}

/** The folder appears with certificate and key, or not at all; of two processes that make it at once, one wins. */
async function makeCa(folder: string, now: Date): Promise<void> {
  const pki = await import('pkijs');
  const keys = await webcrypto.subtle.generateKey(ECDSA, true, ['sign', 'verify']);
  const names = new pki.NameConstraints({
    permittedSubtrees: [
      subtree(pki, 2, LOCALHOST),
      ...LOOPBACK.map((address) => subtree(pki, 7, octets(pki, [...address, ...address.map(() => 255)]))),
    ],
  });
  const certificate = await certify(pki, {
    subject: `Signet development CA ${randomBytes(3).toString('hex')}`,
    publicKey: keys.publicKey,
    days: CA_DAYS,
    now,
    signer: keys,
    extensions: [
      extension(pki, BASIC_CONSTRAINTS, true, new pki.BasicConstraints({ cA: true, pathLenConstraint: 0 })),
      extension(pki, KEY_USAGE, true, await bits(0x04, 2)),
      extension(pki, NAME_CONSTRAINTS, true, names),
    ],
  });
  const draft = `${folder}.${process.pid}`;
  rmSync(draft, { recursive: true, force: true });
  mkdirSync(draft, { mode: 0o755 });
  writeFileSync(join(draft, 'ca.key'), await keyPem(keys.privateKey), { mode: 0o600, flush: true });
  writeFileSync(join(draft, 'ca.pem'), pem('CERTIFICATE', certificate.toSchema(true).toBER()), { flush: true });
  // A CA that ran out goes with its leaf.
  if (existsSync(join(folder, 'ca.pem')) && !isGood(read(join(folder, 'ca.pem')), now))
    rmSync(folder, { recursive: true });
  try {
    renameSync(draft, folder);
  } catch (error) {
    rmSync(draft, { recursive: true, force: true });
    if (!['EEXIST', 'ENOTEMPTY'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
  }
}
