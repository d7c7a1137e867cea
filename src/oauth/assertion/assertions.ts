import type { Database } from '../../platform/database/index.ts';
import { type ClientJws, isSignedBy, markUsed, readClientJws } from '../client-jws.ts';
import { type AssertionClient, createClientKeys } from './client-keys.ts';
import type { FetchJson } from './remote-keys.ts';

type Form = Readonly<Record<string, string>>;

/** A parsed client assertion (RFC 7523 §2.2), not verified yet. */
export interface PresentedAssertion {
  readonly clientId: string;
  readonly jws: ClientJws;
}

/** Client authentication by `private_key_jwt` (OIDC Core §9). */
export interface Assertions {
  /** Verifies that this client signed the assertion for this server and time. Does not mark it as used. */
  verify(assertion: PresentedAssertion, client: AssertionClient, now: Date): Promise<AssertionResult>;
  /**
   * Marks an assertion as used and returns whether it was unused. `form` is that of one HTTP request, which may call
   * this again.
   */
  markUsed(assertion: PresentedAssertion, form: Form): Promise<boolean>;
}

/**
 * `audiences`: valid except for its `aud`, which must be one of these. Only a client that has proven its key gets this
 * result.
 */
export type AssertionResult = 'valid' | 'invalid' | { readonly audiences: readonly string[] };

export interface AssertionDeps {
  readonly db: Database;
  readonly issuer: string;
  readonly fetchJson: FetchJson;
  /** Called when a client's keys cannot be loaded, for the log. */
  onFailure(clientId: string, error: unknown): void;
}

const BEARER = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';

/** Returns the assertion in a form; null when there is none, or it is malformed. */
export function readAssertion(form: Form): PresentedAssertion | null {
  const { client_assertion: text, client_assertion_type: type, client_id: clientId } = form;
  // RFC 7523 §2.2.
  const jws = type === BEARER && text !== undefined ? readClientJws(text) : null;
  const sub = jws?.claims['sub'];
  // RFC 7521 §4.2: client_id, where present, must be the same client.
  if (!jws || typeof sub !== 'string' || (clientId !== undefined && clientId !== sub)) return null;
  return { clientId: sub, jws };
}

export function createAssertions({ db, issuer, fetchJson, onFailure }: AssertionDeps): Assertions {
  const findKey = createClientKeys(fetchJson, onFailure);
  // One request may authenticate its client several times: it starts again when something changed meanwhile.
  const used = new WeakMap<Form, Promise<boolean>>();
  return {
    async verify({ jws }, client, now) {
      // OIDC Registration §2: only by the registered algorithm, where there is one.
      if ((client.settings.assertionAlg ?? jws.alg) !== jws.alg) return 'invalid';
      const isStrict = client.settings.assertionAudience === 'issuer';
      const audiences = isStrict ? [issuer] : [issuer, `${issuer}/oauth2/token`];
      const longestSeconds = isStrict ? MAX_LIFE_SECONDS : MAX_LEGACY_LIFE_SECONDS;
      if (!hasValidClaims(jws.claims, client.clientId, longestSeconds, now)) return 'invalid';
      const key = await findKey(client, jws, now);
      if (key === null || !(await isSignedBy(jws, key))) return 'invalid';
      // FAPI 2.0: a single string, not a list that could contain others.
      const { aud } = jws.claims;
      return typeof aud === 'string' && audiences.includes(aud) ? 'valid' : { audiences };
    },
    markUsed({ clientId, jws }, form) {
      const { jti, exp } = jws.claims as { jti: string; exp: number };
      const name = JSON.stringify(['assertion', clientId, jti]);
      const result = used.get(form) ?? markUsed(db, name, new Date(exp * 1000));
      used.set(form, result);
      return result;
    },
  };
}

const MAX_LIFE_SECONDS = 300;
/**
 * Libraries that use the token endpoint as audience are from a time when an hour was usual (Authlib). Each assertion is
 * accepted once all the same.
 */
const MAX_LEGACY_LIFE_SECONDS = 3600;
/** How far the client's clock may be ahead. */
const SKEW_SECONDS = 60;
const MAX_JTI_LENGTH = 255;

/** RFC 7523 §3, OIDC Core §9: all claims except the audience. */
function hasValidClaims(
  { iss, sub, exp, nbf, iat, jti }: ClientJws['claims'],
  clientId: string,
  longestSeconds: number,
  now: Date,
): boolean {
  const seconds = now.getTime() / 1000;
  const hasBegun = (time: unknown) =>
    time === undefined || (typeof time === 'number' && time <= seconds + SKEW_SECONDS);
  return (
    iss === clientId &&
    sub === clientId &&
    typeof exp === 'number' &&
    exp > seconds &&
    exp <= seconds + longestSeconds &&
    hasBegun(nbf) &&
    hasBegun(iat) &&
    typeof jti === 'string' &&
    jti !== '' &&
    jti.length <= MAX_JTI_LENGTH
  );
}
