import { calculateJwkThumbprint } from 'jose';
import type { Database } from '../../platform/database/index.ts';
import { digest } from '../../platform/digest.ts';
import { OAuthError } from '../../platform/http/index.ts';
import { plusSeconds } from '../../platform/time.ts';
import { type ClientJws, isSignedBy, markUsed, publicKeyFor, readClientJws } from '../client-jws.ts';
import { createNonces, NONCE_SECONDS, type Nonces } from './nonces.ts';

/** The request that a proof must match. */
export interface ProofTarget {
  readonly method: string;
  /** Built from the issuer, not from the request's headers. */
  readonly url: string;
  /** The access token of the request. */
  readonly accessToken?: string;
  /** The key that the access token is bound to. */
  readonly jkt?: string;
}

/** A valid proof, unless it was used before. */
export interface Proof {
  /** The thumbprint of its key. */
  readonly jkt: string;
  /**
   * Marks the proof as used (RFC 9449 §11.1). The request that has read it may call this again. `invalid_dpop_proof`
   * when it was used before.
   */
  markUsed(): Promise<void>;
}

/** Proofs of possession (RFC 9449). */
export interface Proofs {
  /**
   * Verifies a proof and stores nothing: call `markUsed` once nothing else can fail. OAuthError: `invalid_dpop_proof`,
   * `use_dpop_nonce`, or `invalid_token` when the key is not the token's.
   */
  read(proof: string, target: ProofTarget, now: Date): Promise<Proof>;
  /** Verifies a proof and marks it as used: the last check of a request. */
  check(proof: string, target: ProofTarget, now: Date): Promise<{ jkt: string }>;
  /** The nonce for the next proof (`DPoP-Nonce`); required where nonces are. */
  nonce(now: Date): string;
}

export interface ProofDeps {
  readonly db: Database;
  readonly masterKey: Buffer;
  /** RFC 9449 §8: whether a proof without a nonce is refused. */
  readonly isNonceRequired: boolean;
}

export function createProofs({ db, masterKey, isNonceRequired }: ProofDeps): Proofs {
  const nonces = createNonces(masterKey);
  const read: Proofs['read'] = async (proof, target, now) => {
    const jws = readClientJws(proof);
    // RFC 9449 §4.3, in its order.
    if (jws?.header['typ'] !== 'dpop+jwt')
      throw invalidProof('It is no JWT of the type dpop+jwt by an algorithm that is taken.');
    const key = publicKeyFor(jws.header['jwk'], jws.alg);
    if (!key || namesOtherAlg(jws)) throw invalidProof('Its header holds no public key for its algorithm.');
    if (!(await isSignedBy(jws, key))) throw invalidProof('Its signature is wrong.');
    requireTarget(jws.claims, target);
    const hasValidNonce = hasNonce(jws.claims['nonce'], nonces, isNonceRequired, now);
    const until = hasValidNonce ? nonceExpiry(jws.claims['iat'], now) : requireRecent(jws.claims['iat'], now);
    const jkt = await calculateJwkThumbprint(key);
    // RFC 9449 §7.1.
    if (target.jkt !== undefined && target.jkt !== jkt)
      throw new OAuthError('invalid_token', 'The token is bound to another key.');
    const jti = requireJti(jws.claims['jti']);
    let marked: Promise<void> | undefined;
    const markProofUsed = () => {
      marked ??= requireUnused(db, jkt, jti, until);
      return marked;
    };
    return { jkt, markUsed: markProofUsed };
  };
  return {
    nonce: nonces.current,
    read,
    async check(proof, target, now) {
      const { jkt, markUsed } = await read(proof, target, now);
      await markUsed();
      return { jkt };
    },
  };
}

/** RFC 7517 §4.4, RFC 8725 §3.1: a key with `alg` PS256 must not sign with RS256, which is weaker. */
function namesOtherAlg({ alg, header }: ClientJws): boolean {
  const { alg: keyAlg } = header['jwk'] as { alg?: unknown };
  // RFC 9864 §2.2: of EdDSA's curves, the supported one.
  const isSame = keyAlg === alg || (keyAlg === 'Ed25519' && alg === 'EdDSA');
  return keyAlg !== undefined && !isSame;
}

/** Checks that the proof is for this request (`htm`, `htu`) and, at a resource, for this token (`ath`). */
function requireTarget({ htm, htu, ath }: ClientJws['claims'], { method, url, accessToken }: ProofTarget): void {
  if (htm !== method) throw invalidProof('Its htm is not the method of this request.');
  if (typeof htu !== 'string' || !isSameUrl(htu, url))
    throw invalidProof('Its htu is not the address of this request.');
  if (accessToken === undefined) return;
  if (ath !== digest(accessToken).toString('base64url'))
    throw invalidProof('Its ath is not the digest of the access token.');
}

/** RFC 9449 §8 and §9: a nonce is always checked where present. Returns whether there is a valid one. */
function hasNonce(nonce: unknown, nonces: Nonces, isRequired: boolean, now: Date): boolean {
  if (nonce === undefined && !isRequired) return false;
  if (typeof nonce !== 'string' || !nonces.isValid(nonce, now))
    throw new OAuthError('use_dpop_nonce', 'Make the proof again, with the nonce of the header DPoP-Nonce.', {
      headers: { 'dpop-nonce': nonces.current(now) },
    });
  return true;
}

/** In either direction. */
const WINDOW_SECONDS = 60;

/** RFC 9449 §11.1: `iat` must be recent. Returns until when the proof is accepted. */
function requireRecent(iat: unknown, now: Date): Date {
  if (typeof iat !== 'number' || Math.abs(now.getTime() / 1000 - iat) > WINDOW_SECONDS)
    throw invalidProof('Its iat is not about now.');
  return plusSeconds(new Date(iat * 1000), WINDOW_SECONDS + 1);
}

/** RFC 9449 §11.1: a nonce dates the proof by the server's clock, so the client's may be off. */
function nonceExpiry(iat: unknown, now: Date): Date {
  if (typeof iat !== 'number') throw invalidProof('Its iat is no time.');
  return plusSeconds(now, NONCE_SECONDS + 1);
}

const MAX_JTI_LENGTH = 255;

function requireJti(jti: unknown): string {
  if (typeof jti !== 'string' || jti === '' || jti.length > MAX_JTI_LENGTH)
    throw invalidProof('Its jti is missing or too long.');
  return jti;
}

/** RFC 9449 §11.1: remembered for as long as its `iat` or nonce is accepted. */
async function requireUnused(db: Database, jkt: string, jti: string, until: Date): Promise<void> {
  if (!(await markUsed(db, JSON.stringify(['proof', jkt, jti]), until))) throw invalidProof('It has been used.');
}

function invalidProof(reason: string): OAuthError {
  return new OAuthError('invalid_dpop_proof', `This DPoP proof is not good. ${reason}`);
}

const MAX_URL_LENGTH = 2048;

/**
 * RFC 9449 §4.3: whether `htu` is this URL, without query and fragment, after normalization (RFC 3986 §6.2.2, §6.2.3).
 */
function isSameUrl(htu: string, url: string): boolean {
  const actual = htu.length > MAX_URL_LENGTH ? null : normalizeUrl(htu);
  return actual !== null && actual === normalizeUrl(url);
}

/**
 * The parser normalizes the case of scheme and host, dot segments and the default port, but not unnecessary escapes and
 * the case of escapes.
 */
function normalizeUrl(text: string): string | null {
  const url = URL.parse(text);
  if (!url || !/^https?:$/.test(url.protocol) || url.username !== '' || url.password !== '') return null;
  const path = url.pathname.replace(/%[0-9a-f]{2}/gi, (escaped) => {
    const character = String.fromCharCode(Number.parseInt(escaped.slice(1), 16));
    return /[\w.~-]/.test(character) ? character : escaped.toUpperCase();
  });
  return `${url.origin}${path}`;
}
