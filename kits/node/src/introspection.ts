import type { TokenClaims } from './claims.ts';
import type { Clock } from './clock.ts';
import { VerifierError } from './errors.ts';
import { basic, read } from './http.ts';
import { parseObject } from './strict-json.ts';

/** A confidential client that serves the API: Signet lets nobody else see its tokens. */
export interface Credentials {
  readonly clientId: string;
  readonly clientSecret: string;
}

export interface IntrospectionRules {
  readonly url: string;
  readonly credentials: Credentials;
  readonly issuer: string;
  readonly audience: string;
  readonly timeoutMs: number;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  onError(error: unknown): void;
}

/** An answer, or a failure, stands for a token for so long. */
const KEPT_MS = 5000;
/** After a failure nobody asks, for any token. */
const RETRY_MS = 1000;
const MAX_KEPT = 10_000;
const MAX_UNDERWAY = 32;
const MAX_ANSWER_BYTES = 1024 * 1024;

/**
 * Asks the issuer about tokens whose status cannot be known otherwise (RFC 7662): once per token in 5 s, at most 32 at a time, and
 * not at all for a second after a failure, so that an outage is no storm. What was answered is kept, never what was decided by it.
 */
export class Introspection {
  readonly #rules: IntrospectionRules;
  /** By the whole token, oldest first. */
  readonly #kept = new Map<string, { at: number; claims: Promise<TokenClaims> }>();
  #underway = 0;
  #failedAt = Number.NEGATIVE_INFINITY;

  constructor(rules: IntrospectionRules) {
    this.#rules = rules;
  }

  /**
   * The claims of a token that was verified, with its holder's rights as of now. Throws `token_inactive`, or
   * `introspection_failed` when the issuer was not asked or gave no answer.
   */
  async claims(token: string, verified: TokenClaims): Promise<TokenClaims> {
    const at = this.#rules.clock.elapsed();
    for (const [other, { at: since }] of this.#kept) {
      if (at - since < KEPT_MS) break;
      this.#kept.delete(other);
    }
    const kept = this.#kept.get(token);
    if (kept) return kept.claims;
    if (at - this.#failedAt < RETRY_MS || this.#underway >= MAX_UNDERWAY || this.#kept.size >= MAX_KEPT)
      throw new VerifierError('introspection_failed', { detail: 'not asked, because of a failure or too many tokens' });
    const claims = this.#ask(token, verified);
    claims.catch(() => undefined);
    this.#kept.set(token, { at, claims });
    return claims;
  }

  async #ask(token: string, verified: TokenClaims): Promise<TokenClaims> {
    const { url, credentials, timeoutMs, signal, clock, onError } = this.#rules;
    const headers = {
      authorization: basic(credentials),
      'content-type': 'application/x-www-form-urlencoded',
      accept: 'application/json',
    };
    const body = new URLSearchParams({ token, token_type_hint: 'access_token' }).toString();
    this.#underway++;
    try {
      const answer = await read(url, { method: 'POST', headers, body, timeoutMs, signal }, MAX_ANSWER_BYTES);
      if (answer.status !== 200) throw failed(`it answers ${answer.status}`);
      return this.#read(parseObject(answer.body), verified);
    } catch (error) {
      if (error instanceof VerifierError && error.code === 'token_inactive') throw error;
      this.#failedAt = clock.elapsed();
      if (!signal.aborted) onError(error);
      throw error instanceof VerifierError && error.code === 'introspection_failed'
        ? error
        : new VerifierError('introspection_failed', { cause: error });
    } finally {
      this.#underway--;
    }
  }

  #read(answer: Record<string, unknown> | undefined, verified: TokenClaims): TokenClaims {
    if (answer?.['active'] === false) throw new VerifierError('token_inactive');
    if (answer?.['active'] !== true) throw failed('there is no active');
    const {
      iss,
      aud,
      sub,
      jti,
      permissions = [],
      is_staff: isStaff = false,
      is_superuser: isSuperuser = false,
    } = answer;
    const { issuer, audience } = this.#rules;
    if (iss !== issuer || aud !== audience || sub !== verified.sub || jti !== verified.jti)
      throw failed('it speaks of another token');
    if (!Array.isArray(permissions) || !permissions.every((one) => typeof one === 'string'))
      throw failed('permissions');
    if (typeof isStaff !== 'boolean' || typeof isSuperuser !== 'boolean') throw failed('is_staff or is_superuser');
    // A token that says its permissions as scopes, or none, was made narrow on purpose: it does not grow by being asked about.
    const isNarrow = verified.permissions === verified.scope;
    const kept = isNarrow ? permissions.filter((one) => verified.scope.includes(one)) : permissions;
    return { ...verified, permissions: kept, isStaff, isSuperuser };
  }
}

const failed = (detail: string) => new VerifierError('introspection_failed', { detail });
