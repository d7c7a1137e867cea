import { createHash } from 'node:crypto';
import { calculateJwkThumbprint } from 'jose';
import type { Database } from '../../platform/database/index.ts';
import { OAuthError } from '../../platform/http/index.ts';
import { plusSeconds } from '../../platform/time.ts';
import { type ClientJws, isSignedBy, publicKeyFor, readClientJws } from '../client-jws.ts';
import { once } from '../replay.ts';
import { createNonces, NONCE_SECONDS, type Nonces } from './nonces.ts';
import { isSameUrl } from './urls.ts';

/** The request that a proof has to be made for. */
export interface Proven {
  readonly method: string;
  /** Built from the issuer, never from what a request says of itself. */
  readonly url: string;
  /** The access token that came with it. */
  readonly accessToken?: string;
  /** The key that the access token is bound to. */
  readonly jkt?: string;
}

/** A proof that is good, unless somebody has used it. */
export interface ReadProof {
  /** The thumbprint of the key that it shows. */
  readonly jkt: string;
  /** Uses it up: it counts once (RFC 9449 §11.1), and may be said again by the request that has read it. `invalid_dpop_proof`. */
  spend(): Promise<void>;
}

/** Proofs of possession (RFC 9449). */
export interface Proofs {
  /**
   * Stores nothing: that is for `spend`, once nothing else can refuse. OAuthError: `invalid_dpop_proof`, `use_dpop_nonce`, or
   * `invalid_token` when it is another key than the token's.
   */
  read(proof: string, of: Proven, now: Date): Promise<ReadProof>;
  /** Reads and spends it: the last thing that is looked at. */
  check(proof: string, of: Proven, now: Date): Promise<{ jkt: string }>;
  /** What the next proof may hold, and has to where nonces are demanded: `DPoP-Nonce`. */
  nonce(now: Date): string;
}

export interface ProofRules {
  readonly db: Database;
  readonly masterKey: Buffer;
  /** RFC 9449 §8: whether a proof without a nonce is refused. */
  readonly isNonceRequired: boolean;
}

export function createProofs({ db, masterKey, isNonceRequired }: ProofRules): Proofs {
  const nonces = createNonces(masterKey);
  const read: Proofs['read'] = async (proof, of, now) => {
    const jws = readClientJws(proof);
    // RFC 9449 §4.3, in its order.
    if (jws?.header['typ'] !== 'dpop+jwt')
      throw refused('It is no JWT of the type dpop+jwt by an algorithm that is taken.');
    const key = publicKeyFor(jws.header['jwk'], jws.alg);
    if (!key || isForAnother(jws)) throw refused('Its header holds no public key for its algorithm.');
    if (!(await isSignedBy(jws, key))) throw refused('Its signature is wrong.');
    requireFor(jws.claims, of);
    const isTimed = hasNonce(jws.claims['nonce'], nonces, isNonceRequired, now);
    const until = isTimed ? untilNonceEnds(jws.claims['iat'], now) : requireAge(jws.claims['iat'], now);
    const jkt = await calculateJwkThumbprint(key);
    // RFC 9449 §7.1.
    if (of.jkt !== undefined && of.jkt !== jkt)
      throw new OAuthError('invalid_token', 'The token is bound to another key.');
    const jti = requireJti(jws.claims['jti']);
    let spent: Promise<void> | undefined;
    const spend = () => {
      spent ??= requireUnused(db, jkt, jti, until);
      return spent;
    };
    return { jkt, spend };
  };
  return {
    nonce: nonces.current,
    read,
    async check(proof, of, now) {
      const { jkt, spend } = await read(proof, of, now);
      await spend();
      return { jkt };
    },
  };
}

/** RFC 7517 §4.4, RFC 8725 §3.1: a key that says it is for PS256 signs nothing by RS256, which is weaker. */
function isForAnother({ alg, header }: ClientJws): boolean {
  const { alg: said } = header['jwk'] as { alg?: unknown };
  // RFC 9864 §2.2: of the curves of EdDSA, the one that is taken.
  const isSame = said === alg || (said === 'Ed25519' && alg === 'EdDSA');
  return said !== undefined && !isSame;
}

/** Made for this request (`htm`, `htu`), and at a resource for this token (`ath`). */
function requireFor({ htm, htu, ath }: ClientJws['claims'], { method, url, accessToken }: Proven): void {
  if (htm !== method) throw refused('Its htm is not the method of this request.');
  if (typeof htu !== 'string' || !isSameUrl(htu, url)) throw refused('Its htu is not the address of this request.');
  if (accessToken === undefined) return;
  if (ath !== createHash('sha256').update(accessToken).digest('base64url'))
    throw refused('Its ath is not the digest of the access token.');
}

/** RFC 9449 §8 and §9: one that is there is always looked at; true when it is good. */
function hasNonce(nonce: unknown, nonces: Nonces, isRequired: boolean, now: Date): boolean {
  if (nonce === undefined && !isRequired) return false;
  if (typeof nonce !== 'string' || !nonces.isGood(nonce, now))
    throw new OAuthError('use_dpop_nonce', 'Make the proof again, with the nonce of the header DPoP-Nonce.', {
      headers: { 'dpop-nonce': nonces.current(now) },
    });
  return true;
}

/** Either way. */
const WINDOW_SECONDS = 60;

/** RFC 9449 §11.1: about now; answers until when it would be taken. */
function requireAge(iat: unknown, now: Date): Date {
  if (typeof iat !== 'number' || Math.abs(now.getTime() / 1000 - iat) > WINDOW_SECONDS)
    throw refused('Its iat is not about now.');
  return plusSeconds(new Date(iat * 1000), WINDOW_SECONDS + 1);
}

/** RFC 9449 §11.1: a nonce says by the server's own clock when the proof was made, so that the client's may be off. */
function untilNonceEnds(iat: unknown, now: Date): Date {
  if (typeof iat !== 'number') throw refused('Its iat is no time.');
  return plusSeconds(now, NONCE_SECONDS + 1);
}

const LONGEST_JTI = 255;

function requireJti(jti: unknown): string {
  if (typeof jti !== 'string' || jti === '' || jti.length > LONGEST_JTI)
    throw refused('Its jti is missing or too long.');
  return jti;
}

/** RFC 9449 §11.1: kept for as long as its `iat`, or its nonce, would be taken. */
async function requireUnused(db: Database, jkt: string, jti: string, until: Date): Promise<void> {
  if (!(await once(db, JSON.stringify(['proof', jkt, jti]), until))) throw refused('It has been used.');
}

function refused(why: string): OAuthError {
  return new OAuthError('invalid_dpop_proof', `This DPoP proof is not good. ${why}`);
}
