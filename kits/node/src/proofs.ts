import { createHash } from 'node:crypto';
import { type CryptoKey, calculateJwkThumbprint, compactVerify, importJWK, type JWK } from 'jose';
import { type Clock, SKEW_SECONDS } from './clock.ts';
import { readParts } from './compact.ts';
import { VerifierError } from './errors.ts';
import { PROOF_ALGORITHMS } from './proof-algorithms.ts';

/** A DPoP proof (RFC 9449 §4), and the request that it came with. */
export interface PresentedProof {
  /** The `DPoP` header; all there are of it, for two are none. */
  readonly proof: string | readonly string[] | undefined;
  readonly method: string;
  /**
   * The whole address, as the service knows it, or its path where the option `url` says the rest. Never made of headers, which
   * anybody can write.
   */
  readonly url: string;
}

const MAX_PROOF_LENGTH = 8192;
const MAX_JTI_LENGTH = 255;
const MAX_URL_LENGTH = 2048;

/** What makes a JWK more than a public key. */
const SECRETS = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k', 'priv'];

/** base64url characters: 2,048 to 8,192 bits, and an exponent that a verification is cheap with. */
const RSA = { shortest: 342, longest: 1366, longestExponent: 6 };

/** Checks proofs, each of which counts once in this process. */
export class Proofs {
  readonly #clock: Clock;
  readonly #max: number;
  readonly #base: string | undefined;
  /** When each can be forgotten, in milliseconds, oldest first. */
  readonly #used = new Map<string, number>();

  /** `base`: where paths begin. */
  constructor(clock: Clock, max: number, base?: string) {
    this.#clock = clock;
    this.#max = max;
    this.#base = base?.replace(/\/$/, '');
  }

  /** Throws unless this proof was made by the key `jkt`, for this token, for this request, now, and never came before. */
  async check({ proof: all, method, url }: PresentedProof, token: string, jkt: string): Promise<void> {
    const isPath = url.startsWith('/');
    if (isPath && this.#base === undefined)
      throw new VerifierError('proof_unsupported', { detail: 'the verifier has no option url' });
    const [proof, ...others] = typeof all === 'string' ? [all] : (all ?? []);
    if (proof === undefined) throw new VerifierError('proof_missing');
    if (others.length > 0) throw refused('there are two');
    const codes = { tooLarge: 'proof_invalid', malformed: 'proof_invalid' } as const;
    const { header, claims } = readParts(proof, MAX_PROOF_LENGTH, codes);
    if (header['typ'] !== 'dpop+jwt') throw refused('typ');
    const { alg } = header;
    if (typeof alg !== 'string' || Object.hasOwn(header, 'crit')) throw refused('alg or crit');
    const jwk = publicKeyFor(header['jwk'], alg);
    if (!jwk) throw refused('alg or jwk');
    if (!(await isSigned(proof, jwk, alg))) throw refused('signature');
    if (claims['htm'] !== method) throw refused('htm');
    if (!isSameUrl(claims['htu'], isPath ? `${this.#base}${url}` : url)) throw refused('htu');
    if (claims['ath'] !== createHash('sha256').update(token).digest('base64url')) throw refused('ath');
    const { iat, jti } = claims;
    const now = this.#clock.now();
    if (typeof iat !== 'number' || Math.abs(now / 1000 - iat) > SKEW_SECONDS) throw refused('iat');
    if (typeof jti !== 'string' || jti === '' || jti.length > MAX_JTI_LENGTH) throw refused('jti');
    // RFC 9449 §7.1.
    if ((await calculateJwkThumbprint(jwk)) !== jkt) throw new VerifierError('proof_wrong_key');
    this.#use(jkt, jti, now);
  }

  /** RFC 9449 §11.1. When there is no room to remember, nothing is let in that could not be told apart later. */
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

const refused = (detail: string) => new VerifierError('proof_invalid', { detail });

/** The key parameters of a public JWK, and nothing else that it may say. */
function publicKeyFor(jwk: unknown, alg: string): JWK | undefined {
  const shape = PROOF_ALGORITHMS[alg];
  if (!shape || typeof jwk !== 'object' || jwk === null || SECRETS.some((name) => Object.hasOwn(jwk, name)))
    return undefined;
  const given = jwk as Record<string, unknown>;
  if (given['kty'] !== shape.kty || (shape.crv !== undefined && given['crv'] !== shape.crv)) return undefined;
  const members = shape.members.map((name) => [name, given[name]] as const);
  if (!members.every(([, value]) => typeof value === 'string' && /^[\w-]+$/.test(value))) return undefined;
  const { n, e } = given as Record<string, string>;
  const isFit =
    n === undefined ||
    shape.kty !== 'RSA' ||
    (n.length >= RSA.shortest && n.length <= RSA.longest && (e ?? '').length <= RSA.longestExponent);
  if (!isFit) return undefined;
  return {
    kty: shape.kty,
    ...(shape.crv === undefined ? {} : { crv: shape.crv }),
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

/** RFC 9449 §4.3: without query and fragment, in whatever spelling (RFC 3986 §6.2.2, §6.2.3). */
function isSameUrl(htu: unknown, url: string): boolean {
  const given = typeof htu === 'string' && htu.length <= MAX_URL_LENGTH ? normalized(htu) : undefined;
  return given !== undefined && given === normalized(url);
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
