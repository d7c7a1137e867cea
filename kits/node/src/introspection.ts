import type { TokenClaims } from './claims.ts';
import type { Clock } from './clock.ts';
import { VerifierError } from './errors.ts';
import { basicCredentials, fetchBody } from './http.ts';
import { parseObject } from './strict-json.ts';

/** Credentials of a confidential client that serves the API: only such a client can introspect its tokens. */
export interface Credentials {
  readonly clientId: string;
  readonly clientSecret: string;
}

export interface IntrospectionOptions {
  readonly url: string;
  readonly credentials: Credentials;
  readonly issuer: string;
  readonly audience: string;
  readonly timeoutMs: number;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  onError(error: unknown): void;
}

/** How long a response or failure is cached for a token. */
const CACHE_MS = 5000;
/** Pause after a failure, for all tokens. */
const RETRY_MS = 1000;
const MAX_CACHED = 10_000;
const MAX_PENDING = 32;
const MAX_RESPONSE_BYTES = 1024 * 1024;

/**
 * Introspects tokens whose status cannot be determined otherwise (RFC 7662): once per token in 5 s, at most 32 at a time, and not for a
 * second after a failure, so that an outage causes no storm. The response is cached, never a decision based on it.
 */
export class Introspection {
  readonly #options: IntrospectionOptions;
  /** By token, oldest first. */
  readonly #responses = new Map<string, { at: number; claims: Promise<TokenClaims> }>();
  #pending = 0;
  #failedAt = Number.NEGATIVE_INFINITY;

  constructor(options: IntrospectionOptions) {
    this.#options = options;
  }

  /**
   * Returns the claims of a verified token with its user's current rights. Throws `token_inactive`, or `introspection_failed` if the issuer
   * was not asked or did not respond.
   */
  async claims(token: string, verified: TokenClaims): Promise<TokenClaims> {
    const at = this.#options.clock.elapsed();
    for (const [other, { at: since }] of this.#responses) {
      if (at - since < CACHE_MS) break;
      this.#responses.delete(other);
    }
    const cached = this.#responses.get(token);
    if (cached) return cached.claims;
    if (at - this.#failedAt < RETRY_MS || this.#pending >= MAX_PENDING || this.#responses.size >= MAX_CACHED)
      throw new VerifierError('introspection_failed', { detail: 'not asked, because of a failure or too many tokens' });
    const claims = this.#introspect(token, verified);
    claims.catch(() => undefined);
    this.#responses.set(token, { at, claims });
    return claims;
  }

  async #introspect(token: string, verified: TokenClaims): Promise<TokenClaims> {
    const { url, credentials, timeoutMs, signal, clock, onError } = this.#options;
    const headers = {
      authorization: basicCredentials(credentials),
      'content-type': 'application/x-www-form-urlencoded',
      accept: 'application/json',
    };
    const body = new URLSearchParams({ token, token_type_hint: 'access_token' }).toString();
    this.#pending++;
    try {
      const response = await fetchBody(url, { method: 'POST', headers, body, timeoutMs, signal }, MAX_RESPONSE_BYTES);
      if (response.status !== 200) throw failed(`it answers ${response.status}`);
      return this.#readResponse(parseObject(response.body), verified);
    } catch (error) {
      if (error instanceof VerifierError && error.code === 'token_inactive') throw error;
      this.#failedAt = clock.elapsed();
      if (!signal.aborted) onError(error);
      throw error instanceof VerifierError && error.code === 'introspection_failed'
        ? error
        : new VerifierError('introspection_failed', { cause: error });
    } finally {
      this.#pending--;
    }
  }

  #readResponse(response: Record<string, unknown> | undefined, verified: TokenClaims): TokenClaims {
    if (response?.['active'] === false) throw new VerifierError('token_inactive');
    if (response?.['active'] !== true) throw failed('there is no active');
    const {
      iss,
      aud,
      sub,
      jti,
      permissions = [],
      is_staff: isStaff = false,
      is_superuser: isSuperuser = false,
    } = response;
    const { issuer, audience } = this.#options;
    if (iss !== issuer || aud !== audience || sub !== verified.sub || jti !== verified.jti)
      throw failed('it speaks of another token');
    if (!Array.isArray(permissions) || !permissions.every((one) => typeof one === 'string'))
      throw failed('permissions');
    if (typeof isStaff !== 'boolean' || typeof isSuperuser !== 'boolean') throw failed('is_staff or is_superuser');
    // A token whose permissions are scopes, or none, is narrow on purpose: introspection does not widen it.
    const isNarrow = verified.permissions === verified.scope;
    const currentPermissions = isNarrow ? permissions.filter((one) => verified.scope.includes(one)) : permissions;
    return { ...verified, permissions: currentPermissions, isStaff, isSuperuser };
  }
}

const failed = (detail: string) => new VerifierError('introspection_failed', { detail });
