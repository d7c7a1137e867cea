import { setMaxListeners } from 'node:events';
import type { Algorithm } from './algorithms.ts';
import type { CachedDocument } from './cached-document.ts';
import { type Catalogue, readBitmapWith } from './catalogue.ts';
import { checkHeader, type ExpectedClaims, readClaims, type TokenClaims } from './claims.ts';
import { type Clock, systemClock } from './clock.ts';
import { type Demand, presentedToken, requireDemand } from './demand.ts';
import { cachedCatalogue, cachedKeys } from './documents.ts';
import { VerifierError } from './errors.ts';
import { followEvents } from './events.ts';
import { type Credentials, Introspection } from './introspection.ts';
import { isSignedBy, readCompact } from './jws.ts';
import { findKey, type KeySet } from './keys.ts';
import { type PresentedProof, Proofs } from './proofs.ts';
import { STATUS } from './status-list.ts';
import { StatusLists } from './status-lists.ts';
import { bitmapPermissions, listPermissions, type Permissions, User } from './user.ts';

export interface VerifierOptions {
  /** Exactly as in `iss`. https, or http on loopback. */
  readonly issuer: string;
  /** The issuer's address as reached from here, if it differs: `http://signet:4000` in a container network. */
  readonly reachAt?: string;
  /** The audience of this service's API. */
  readonly audience: string;
  /** This service's URL as clients use it, for tokens bound to a key (DPoP): without it a guard rejects those. */
  readonly url?: string;
  /** An additional accepted `typ`: an API created with `--typ JWT` uses `JWT`. Default: only `at+jwt`. */
  readonly typ?: 'at+jwt' | 'JWT';
  /** Default: RS256, ES256, EdDSA. */
  readonly algorithms?: readonly Algorithm[];
  /** Whether a token without a `status` claim is accepted (`when-present`, the default) or refused (`required`). */
  readonly status?: 'when-present' | 'required';
  /** Maximum age of the last confirmed state of a token's status list, in seconds. Default 30, at least 1. */
  readonly maxStalenessSeconds?: number;
  /**
   * Credentials for introspection if the status is not known well enough. Without them such a token is rejected. Also used to read a
   * catalogue that is not public.
   */
  readonly introspection?: Credentials;
  /** Follow the event stream, so that changes arrive in less than a second. Default true. */
  readonly events?: boolean;
  /** Timeout of each request to the issuer, in milliseconds. Default 3,000. */
  readonly timeoutMs?: number;
  /** Minimum seconds between fetches of the key set because of unknown keys. Default 10. */
  readonly cooldownSeconds?: number;
  /** Maximum age of the key set in seconds if the issuer does not respond. Default 86,400, a day. */
  readonly maxKeyAgeSeconds?: number;
  /** Number of stored DPoP proofs, each for two minutes, to detect reuse. Default 100,000; a proof beyond that is 503. */
  readonly maxProofs?: number;
  /** Called for background errors: a poll, the stream, introspection. For a log. */
  readonly onError?: (error: unknown) => void;
  /** For tests. */
  readonly clock?: Clock;
}

/** The proof that came with a token. */
export interface Presentation {
  /** The DPoP proof of a token sent by the scheme DPoP. A token bound to a key is rejected without one. */
  readonly dpop?: PresentedProof;
}

/** Tokens of Signet have at most 8,192 characters. */
const MAX_TOKEN_LENGTH = 16_384;

/** Creates a verifier for the access tokens of one issuer and one API. Use one per process. Throws TypeError for invalid options. */
export function createVerifier(options: VerifierOptions): Verifier {
  return new Verifier(options);
}

export class Verifier {
  readonly #expected: ExpectedClaims;
  readonly #isStatusRequired: boolean;
  readonly #clock: Clock;
  readonly #keys: CachedDocument<KeySet>;
  readonly #catalogue: CachedDocument<Catalogue>;
  readonly #lists: StatusLists;
  readonly #proofs: Proofs;
  readonly #introspection?: Introspection;
  readonly #abort = new AbortController();
  #startEvents?: () => void;

  constructor(options: VerifierOptions) {
    const { issuer, audience, typ = 'at+jwt', algorithms = ['RS256', 'ES256', 'EdDSA'] } = options;
    const { maxStalenessSeconds = 30, timeoutMs = 3000, cooldownSeconds = 10, clock = systemClock } = options;
    const { maxKeyAgeSeconds = 86_400, maxProofs = 100_000 } = options;
    checkAddress('issuer', issuer, ['localhost', '127.0.0.1', '[::1]']);
    if (options.reachAt !== undefined) checkAddress('reachAt', options.reachAt);
    if (options.url !== undefined) checkAddress('url', options.url);
    if (audience === '') throw new TypeError('audience is empty');
    for (const [name, value] of Object.entries({
      maxStalenessSeconds,
      timeoutMs,
      cooldownSeconds,
      maxKeyAgeSeconds,
      maxProofs,
    }))
      if (!(value >= 1 && value < Number.POSITIVE_INFINITY)) throw new TypeError(`${name} is at least 1`);
    const issuerBase = issuer.replace(/\/$/, '');
    const base = (options.reachAt ?? issuerBase).replace(/\/$/, '');
    const { signal } = this.#abort;
    setMaxListeners(0, signal);
    const requestOptions = { base, clock, timeoutMs, signal, onError: options.onError ?? (() => undefined) };

    this.#expected = { issuer, audience, typ, algorithms };
    this.#isStatusRequired = options.status === 'required';
    this.#clock = clock;
    this.#proofs = new Proofs(clock, maxProofs, options.url);
    this.#keys = cachedKeys(requestOptions, cooldownSeconds, maxKeyAgeSeconds);
    const credentials = options.introspection;
    this.#catalogue = cachedCatalogue(requestOptions, audience, credentials);
    const addresses = { base: `${issuerBase}/status-lists/`, reachBase: `${base}/status-lists/` };
    this.#lists = new StatusLists({ ...requestOptions, ...addresses, keys: this.#keys, maxStalenessSeconds });
    if (credentials)
      this.#introspection = new Introspection({
        ...requestOptions,
        ...{ url: `${base}/oauth2/introspect`, credentials, issuer, audience },
      });
    if (options.events ?? true)
      this.#startEvents = () => {
        this.#startEvents = undefined;
        void followEvents({
          ...requestOptions,
          url: `${base}/status-lists/events`,
          onConnected: () => this.#lists.pollAll(),
          onChanges: (list, changes) => this.#lists.apply(list, changes),
        });
      };
  }

  /**
   * Verifies a token and returns its user. Throws VerifierError: 401 for an invalid token, 503 if the issuer cannot be reached and no
   * cached data is fresh enough. A token bound to a key (`cnf`) is valid only with a proof of that key, and any other token is rejected
   * with a proof.
   */
  async verify(token: string, { dpop }: Presentation = {}): Promise<User> {
    if (!dpop) return this.#verify(token, undefined);
    try {
      return await this.#verify(token, dpop);
    } catch (error) {
      throw error instanceof VerifierError ? error.withProofChallenge() : error;
    }
  }

  async #verify(token: string, dpop: PresentedProof | undefined): Promise<User> {
    const codes = { tooLarge: 'token_too_large', malformed: 'token_malformed' } as const;
    const compact = readCompact(token, MAX_TOKEN_LENGTH, codes);
    checkHeader(compact, this.#expected);
    const key = await findKey(this.#keys, compact.header.kid);
    if (key.alg !== compact.header.alg) throw new VerifierError('token_wrong_algorithm');
    if (!(await isSignedBy(compact, key))) throw new VerifierError('signature_invalid');
    const claims = readClaims(compact.claims, this.#expected, this.#clock.now());
    if (claims.status === null && this.#isStatusRequired) throw new VerifierError('status_missing');
    // RFC 9449 §7.2: a thief of the token does not have the key.
    if (claims.jkt !== null && !dpop) throw new VerifierError('token_bound');
    if (claims.jkt === null && dpop) throw new VerifierError('token_unbound');
    if (claims.jkt !== null && dpop) await this.#proofs.check(dpop, token, claims.jkt);
    try {
      const isSuperseded = await this.#isSuperseded(claims);
      return new User(claims, await this.#permissions(claims), isSuperseded);
    } catch (error) {
      const isOutage = error instanceof VerifierError && error.status === 503;
      if (!isOutage || !this.#introspection) throw error;
      return this.#introspect(this.#introspection, token, claims, error);
    }
  }

  /**
   * Verifies the token of a request and returns its user if the demand is met. `authorization`: the header, or all of them. `dpop`: its
   * proof, if the service supports it. Throws VerifierError with the status and headers of the response.
   */
  async admit(
    authorization: string | readonly string[] | undefined,
    demand: Demand = {},
    { dpop }: Presentation = {},
  ): Promise<User> {
    const { token, isByProof } = presentedToken(authorization);
    if (isByProof && !dpop) throw new VerifierError('proof_missing');
    const user = await this.verify(token, isByProof ? { dpop } : {});
    requireDemand(user, demand, this.#clock.now(), isByProof);
    return user;
  }

  /** Stops the stream, polling and pending requests. Tokens cannot be verified afterwards. */
  close(): void {
    this.#startEvents = undefined;
    this.#abort.abort();
    this.#lists.close();
  }

  /** Draft §8.3: checked after everything else. */
  async #isSuperseded({ status: claim }: TokenClaims): Promise<boolean> {
    if (claim === null) return false;
    const pendingStatus = this.#lists.status(claim);
    this.#startEvents?.();
    const status = await pendingStatus;
    if (status === STATUS.valid) return false;
    if (status === STATUS.superseded) return true;
    if (status === STATUS.revoked) throw new VerifierError('token_revoked');
    if (status === STATUS.suspended) throw new VerifierError('token_suspended');
    throw new VerifierError('status_unknown', { detail: String(status) });
  }

  async #permissions({ permissions }: TokenClaims): Promise<Permissions> {
    return 'bits' in permissions
      ? bitmapPermissions(await readBitmapWith(this.#catalogue, permissions))
      : listPermissions(permissions);
  }

  async #introspect(introspection: Introspection, token: string, claims: TokenClaims, outage: VerifierError) {
    try {
      const now = await introspection.claims(token, claims);
      return new User(now, await this.#permissions(now), false);
    } catch (error) {
      if (error instanceof VerifierError && error.code === 'introspection_failed')
        throw new VerifierError(outage.code, { cause: error });
      throw error;
    }
  }
}

/** Plain http is allowed only for these hosts; if there are none, for all. */
function checkAddress(name: string, address: string, plainHosts?: readonly string[]): void {
  const url = URL.canParse(address) ? new URL(address) : undefined;
  const isPlain = url?.protocol === 'http:' && (plainHosts?.includes(url.hostname) ?? true);
  if (!url || !(isPlain || url.protocol === 'https:') || /[?#@]/.test(address))
    throw new TypeError(
      `${name} is an https address without a query (plain http: loopback only), as Signet's SIGNET_ISSUER`,
    );
}
