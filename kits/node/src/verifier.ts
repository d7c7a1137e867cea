import { setMaxListeners } from 'node:events';
import { type Catalogue, readBitmapWith } from './catalogue.ts';
import { checkHeader, type Expected, readClaims, type TokenClaims } from './claims.ts';
import { type Clock, systemClock } from './clock.ts';
import { isSignedBy, readCompact } from './compact.ts';
import { type Demand, meets, presentedToken } from './demand.ts';
import { keptCatalogue, keptKeys } from './documents.ts';
import { VerifierError } from './errors.ts';
import { followEvents } from './events.ts';
import { type Credentials, Introspection } from './introspection.ts';
import type { Kept } from './kept.ts';
import { type Algorithm, findKey, type KeySet } from './keys.ts';
import { type PresentedProof, Proofs } from './proofs.ts';
import { STATUS } from './status-list.ts';
import { StatusLists } from './status-lists.ts';
import { listed, mapped, type Permissions, User } from './user.ts';

export interface VerifierOptions {
  /** Byte for byte as in `iss`. https, or http on loopback. */
  readonly issuer: string;
  /** Where the issuer is reached from here, when not at its own address: `http://signet:4000` in a network of containers. */
  readonly reachAt?: string;
  /** The API that this service is. */
  readonly audience: string;
  /** Where clients reach this service, for tokens that are bound to a key (DPoP): without it a guard refuses those. */
  readonly url?: string;
  /** What else than `at+jwt` a token's `typ` may be: an API made with `--typ JWT` says `JWT`. Default: nothing else. */
  readonly typ?: 'at+jwt' | 'JWT';
  /** Default: RS256, ES256, EdDSA. */
  readonly algorithms?: readonly Algorithm[];
  /** Whether a token without a `status` claim is accepted (`when-present`, the default) or refused (`required`). */
  readonly status?: 'when-present' | 'required';
  /** How old the last confirmed state of a token's status list may be, in seconds. Default 30, at least 1. */
  readonly maxStalenessSeconds?: number;
  /** Who asks when the status is not known well enough. Without it such a token is refused. Also reads a catalogue that is not public. */
  readonly introspection?: Credentials;
  /** Follow the event stream, so that a change is known in less than a second. Default true. */
  readonly events?: boolean;
  /** For every request to the issuer, in milliseconds. Default 3,000. */
  readonly timeoutMs?: number;
  /** An unknown key has the key set asked for anew at most once in so many seconds. Default 10. */
  readonly cooldownSeconds?: number;
  /** Keys that were had longer ago are not believed any more when the issuer does not answer. Default 86,400, a day. */
  readonly maxKeyAgeSeconds?: number;
  /** DPoP proofs that are remembered, each for two minutes, so that none counts twice. Default 100,000; a proof too many is 503. */
  readonly maxProofs?: number;
  /** Told of what went wrong without anybody waiting for it: a poll, the stream, introspection. For a log. */
  readonly onError?: (error: unknown) => void;
  /** For tests. */
  readonly clock?: Clock;
}

/** How a token came. */
export interface Presentation {
  /** For a token that came by the scheme DPoP: its proof. A token that is bound to a key is refused without one. */
  readonly dpop?: PresentedProof;
}

/** No token of Signet's is longer than 8,192 characters. */
const MAX_TOKEN_LENGTH = 16_384;

/** Verifies the access tokens of one issuer for one API. Keep one for the whole process. Throws TypeError for options that make no sense. */
export function createVerifier(options: VerifierOptions): Verifier {
  return new Verifier(options);
}

export class Verifier {
  readonly #expected: Expected;
  readonly #isStatusRequired: boolean;
  readonly #clock: Clock;
  readonly #keys: Kept<KeySet>;
  readonly #catalogue: Kept<Catalogue>;
  readonly #lists: StatusLists;
  readonly #proofs: Proofs;
  readonly #introspection?: Introspection;
  readonly #closing = new AbortController();
  #follow?: () => void;

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
    const own = issuer.replace(/\/$/, '');
    const base = (options.reachAt ?? own).replace(/\/$/, '');
    const { signal } = this.#closing;
    setMaxListeners(0, signal);
    const asking = { base, clock, timeoutMs, signal, onError: options.onError ?? (() => undefined) };

    this.#expected = { issuer, audience, typ, algorithms };
    this.#isStatusRequired = options.status === 'required';
    this.#clock = clock;
    this.#proofs = new Proofs(clock, maxProofs, options.url);
    this.#keys = keptKeys(asking, cooldownSeconds, maxKeyAgeSeconds);
    const credentials = options.introspection;
    this.#catalogue = keptCatalogue(asking, audience, credentials);
    const addresses = { base: `${own}/status-lists/`, reach: `${base}/status-lists/` };
    this.#lists = new StatusLists({ ...asking, ...addresses, keys: this.#keys, maxStalenessSeconds });
    if (credentials)
      this.#introspection = new Introspection({
        ...asking,
        ...{ url: `${base}/oauth2/introspect`, credentials, issuer, audience },
      });
    if (options.events ?? true)
      this.#follow = () => {
        this.#follow = undefined;
        void followEvents({
          ...asking,
          url: `${base}/status-lists/events`,
          onConnected: () => this.#lists.pollAll(),
          onChanges: (list, changes) => this.#lists.apply(list, changes),
        });
      };
  }

  /**
   * Who this token speaks of. Throws VerifierError, whatever is wrong: 401 when the token is, 503 when the issuer cannot be
   * reached and nothing that is known is young enough. A token that is bound to a key (`cnf`) is good with a proof of that key only,
   * and one that is not is refused with a proof.
   */
  async verify(token: string, { dpop }: Presentation = {}): Promise<User> {
    if (!dpop) return this.#verify(token, undefined);
    try {
      return await this.#verify(token, dpop);
    } catch (error) {
      throw error instanceof VerifierError ? error.ofProven() : error;
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
    // RFC 9449 §7.2: whoever stole it has no key to show.
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
   * The user of a request who meets the demand. `authorization`: the header, or all there are of it. `dpop`: its proof, where the
   * service takes any. Throws VerifierError with the status and the headers to answer with.
   */
  async admit(
    authorization: string | readonly string[] | undefined,
    demand: Demand = {},
    { dpop }: Presentation = {},
  ): Promise<User> {
    const { token, isByProof } = presentedToken(authorization);
    if (isByProof && !dpop) throw new VerifierError('proof_missing');
    const user = await this.verify(token, isByProof ? { dpop } : {});
    meets(user, demand, this.#clock.now(), isByProof);
    return user;
  }

  /** Ends the stream, the polling and what is being asked. Tokens are not verified after it. */
  close(): void {
    this.#follow = undefined;
    this.#closing.abort();
    this.#lists.close();
  }

  /** Draft §8.3: after everything else was found right. */
  async #isSuperseded({ status: claim }: TokenClaims): Promise<boolean> {
    if (claim === null) return false;
    const asked = this.#lists.status(claim);
    this.#follow?.();
    const status = await asked;
    if (status === STATUS.valid) return false;
    if (status === STATUS.superseded) return true;
    if (status === STATUS.revoked) throw new VerifierError('token_revoked');
    if (status === STATUS.suspended) throw new VerifierError('token_suspended');
    throw new VerifierError('status_unknown', { detail: String(status) });
  }

  async #permissions({ permissions }: TokenClaims): Promise<Permissions> {
    return 'bits' in permissions ? mapped(await readBitmapWith(this.#catalogue, permissions)) : listed(permissions);
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

/** Plain http is for these hosts only; for all where none are named. */
function checkAddress(name: string, address: string, plainHosts?: readonly string[]): void {
  const url = URL.canParse(address) ? new URL(address) : undefined;
  const isPlain = url?.protocol === 'http:' && (plainHosts?.includes(url.hostname) ?? true);
  if (!url || !(isPlain || url.protocol === 'https:') || /[?#@]/.test(address))
    throw new TypeError(
      `${name} is an https address without a query (plain http: loopback only), as Signet's SIGNET_ISSUER`,
    );
}
