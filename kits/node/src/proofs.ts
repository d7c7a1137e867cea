import { createHash } from 'node:crypto';
import { type CryptoKey, calculateJwkThumbprint, compactVerify, importJWK, type JWK } from 'jose';
import { PROOF_ALGORITHMS } from './algorithms.ts';
import { type Clock, SKEW_SECONDS } from './clock.ts';
import { VerifierError } from './errors.ts';
import { readParts } from './jws.ts';

/** A DPoP proof (RFC 9449 §4) and its request. */
export interface PresentedProof {
  /** The `DPoP` header, or all of them: two are invalid. */
  readonly proof: string | readonly string[] | undefined;
  readonly method: string;
  /** The service's full URL, or its path if the option `url` has the rest. Never built from headers, which a caller can forge. */
  readonly url: string;
}

const MAX_PROOF_LENGTH = 8192;
const MAX_JTI_LENGTH = 255;
const MAX_URL_LENGTH = 2048;

/** Private or symmetric members of a JWK. */
const PRIVATE_MEMBERS = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k', 'priv'];

/** Length in base64url characters: 2,048 to 8,192 bits, and an exponent that keeps verification cheap. */
const RSA_LIMITS = { shortest: 342, longest: 1366, longestExponent: 6 };

/** Verifies proofs and rejects a proof used twice in this process. */
export class Proofs {
  readonly #clock: Clock;
  readonly #max: number;
  readonly #base: string | undefined;
  /** Expiry of each used proof in milliseconds, oldest first. */
  readonly #used = new Map<string, number>();

  /** `base`: the prefix of paths. */
  constructor(clock: Clock, max: number, base?: string) {
    this.#clock = clock;
    this.#max = max;
    this.#base = base?.replace(/\/$/, '');
  }

  /** Throws unless the key `jkt` made this proof for this token and this request, now, and it is used for the first time. */
  async check({ proof: all, method, url }: PresentedProof, token: string, jkt: string): Promise<void> {
    const isPath = url.startsWith('/');
    if (isPath && this.#base === undefined)
      throw new VerifierError('proof_unsupported', { detail: 'the verifier has no option url' });
    const [proof, ...others] = typeof all === 'string' ? [all] : (all ?? []);
    if (proof === undefined) throw new VerifierError('proof_missing');
    if (others.length > 0) throw invalid('there are two');
    const codes = { tooLarge: 'proof_invalid', malformed: 'proof_invalid' } as const;
    const { header, claims } = readParts(proof, MAX_PROOF_LENGTH, codes);
    if (header['typ'] !== 'dpop+jwt') throw invalid('typ');
    const { alg } = header;
    if (typeof alg !== 'string' || Object.hasOwn(header, 'crit')) throw invalid('alg or crit');
    const jwk = publicKeyFor(header['jwk'], alg);
    if (!jwk) throw invalid('alg or jwk');
    if (!(await isSigned(proof, jwk, alg))) throw invalid('signature');
    if (claims['htm'] !== method) throw invalid('htm');
    if (!isSameUrl(claims['htu'], isPath ? `${this.#base}${url}` : url)) throw invalid('htu');
    if (claims['ath'] !== createHash('sha256').update(token).digest('base64url')) throw invalid('ath');
    const { iat, jti } = claims;
    const now = this.#clock.now();
    if (typeof iat !== 'number' || Math.abs(now / 1000 - iat) > SKEW_SECONDS) throw invalid('iat');
    if (typeof jti !== 'string' || jti === '' || jti.length > MAX_JTI_LENGTH) throw invalid('jti');
    // RFC 9449 §7.1.
    if ((await calculateJwkThumbprint(jwk)) !== jkt) throw new VerifierError('proof_wrong_key');
    this.#use(jkt, jti, now);
  }

  /** RFC 9449 §11.1. If the store is full, new proofs are rejected, because their reuse could not be detected. */
  #use(jkt: string, jti: string, now: number): void {
    for (const [name, until] of this.#used) {
      if (until > now) break;
      this.#used.delete(name);
    }
    const name = createHash('sha256').update(`${jkt} ${jti}`).digest('base64url');
    if (this.#used.has(name)) throw new VerifierError('proof_used');
    if (this.#used.size >= this.#max) throw new VerifierError('proofs_full');
    this.#used.set(name, now + 2 * SKEW_SECONDS * 1000 + 1000);
  }
}

const invalid = (detail: string) => new VerifierError('proof_invalid', { detail });

/** Returns only the key parameters of a public JWK. */
function publicKeyFor(jwk: unknown, alg: string): JWK | undefined {
  const type = PROOF_ALGORITHMS[alg];
  if (!type || typeof jwk !== 'object' || jwk === null || PRIVATE_MEMBERS.some((name) => Object.hasOwn(jwk, name)))
    return undefined;
  const value = jwk as Record<string, unknown>;
  if (value['kty'] !== type.kty || (type.crv !== undefined && value['crv'] !== type.crv)) return undefined;
  const members = type.members.map((name) => [name, value[name]] as const);
  if (!members.every(([, value]) => typeof value === 'string' && /^[\w-]+$/.test(value))) return undefined;
  const { n, e } = value as Record<string, string>;
  const isAcceptable =
    n === undefined ||
    type.kty !== 'RSA' ||
    (n.length >= RSA_LIMITS.shortest &&
      n.length <= RSA_LIMITS.longest &&
      (e ?? '').length <= RSA_LIMITS.longestExponent);
  if (!isAcceptable) return undefined;
  return {
    kty: type.kty,
    ...(type.crv === undefined ? {} : { crv: type.crv }),
    ...Object.fromEntries(members),
  } as JWK;
}

async function isSigned(proof: string, jwk: JWK, alg: string): Promise<boolean> {
  try {
    const key = (await importJWK({ ...jwk }, alg)) as CryptoKey;
    await compactVerify(proof, key, { algorithms: [alg] });
    return true;
  } catch {
    return false;
  }
}

/** RFC 9449 §4.3: compared without query and fragment, after normalization (RFC 3986 §6.2.2, §6.2.3). */
function isSameUrl(htu: unknown, url: string): boolean {
  const value = typeof htu === 'string' && htu.length <= MAX_URL_LENGTH ? normalized(htu) : undefined;
  return value !== undefined && value === normalized(url);
}

function normalized(text: string): string | undefined {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (!url || !/^https?:$/.test(url.protocol) || url.username !== '' || url.password !== '') return undefined;
  const path = url.pathname.replace(/%[0-9a-f]{2}/gi, (escaped) => {
    const character = String.fromCharCode(Number.parseInt(escaped.slice(1), 16));
    return /[\w.~-]/.test(character) ? character : escaped.toUpperCase();
  });
  return `${url.origin}${path}`;
}
