import type { Database } from '../../platform/database/index.ts';
import { type ClientJws, isSignedBy, markUsed, readClientJws } from '../client-jws.ts';
import { type AssertionClient, createClientKeys } from './client-keys.ts';
import type { FetchJson } from './remote-keys.ts';

type Form = Readonly<Record<string, string>>;

/** A client's own statement of who it is (RFC 7523 §2.2), not believed yet. */
export interface PresentedAssertion {
  readonly clientId: string;
  readonly jws: ClientJws;
}

/** How clients authenticate by a key of theirs: `private_key_jwt` (OIDC Core §9). */
export interface Assertions {
  /** Whether this client signed it, for here, for now. Uses nothing up. */
  verify(assertion: PresentedAssertion, client: AssertionClient, now: Date): Promise<AssertionResult>;
  /** True once, whoever comes with it; `form` is that of one HTTP request, which may ask again. */
  markUsed(assertion: PresentedAssertion, form: Form): Promise<boolean>;
}

/** `audiences`: everything is right but for whom it is meant; one of these has to be its `aud`. Only who has the key is told. */
export type AssertionResult = 'right' | 'wrong' | { readonly audiences: readonly string[] };

export interface AssertionDeps {
  readonly db: Database;
  readonly issuer: string;
  readonly fetchJson: FetchJson;
  /** Told of a client whose keys cannot be had: for the log. */
  onFailure(clientId: string, error: unknown): void;
}

const BEARER = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';

/** What a form says by an assertion; null when it is none that could be anybody's. */
export function readAssertion(form: Form): PresentedAssertion | null {
  const { client_assertion: text, client_assertion_type: type, client_id: named } = form;
  // RFC 7523 §2.2.
  const jws = type === BEARER && text !== undefined ? readClientJws(text) : null;
  const sub = jws?.claims['sub'];
  // RFC 7521 §4.2: a client_id beside it is the same client's.
  if (!jws || typeof sub !== 'string' || (named !== undefined && named !== sub)) return null;
  return { clientId: sub, jws };
}

export function createAssertions({ db, issuer, fetchJson, onFailure }: AssertionDeps): Assertions {
  const findKey = createClientKeys(fetchJson, onFailure);
  // One request may authenticate its client several times: when something has changed meanwhile, it begins anew.
  const used = new WeakMap<Form, Promise<boolean>>();
  return {
    async verify({ jws }, client, now) {
      // OIDC Registration §2: by no other algorithm than the one that it is registered for.
      if ((client.settings.assertionAlg ?? jws.alg) !== jws.alg) return 'wrong';
      const isStrict = client.settings.assertionAudience === 'issuer';
      const audiences = isStrict ? [issuer] : [issuer, `${issuer}/oauth2/token`];
      const longestSeconds = isStrict ? MAX_LIFE_SECONDS : MAX_LEGACY_LIFE_SECONDS;
      if (!hasValidClaims(jws.claims, client.clientId, longestSeconds, now)) return 'wrong';
      const key = await findKey(client, jws, now);
      if (key === null || !(await isSignedBy(jws, key))) return 'wrong';
      // As FAPI 2.0 has it: one text, not a list that others could be in.
      const { aud } = jws.claims;
      return typeof aud === 'string' && audiences.includes(aud) ? 'right' : { audiences };
    },
    markUsed({ clientId, jws }, form) {
      const { jti, exp } = jws.claims as { jti: string; exp: number };
      const name = JSON.stringify(['assertion', clientId, jti]);
      const answer = used.get(form) ?? markUsed(db, name, new Date(exp * 1000));
      used.set(form, answer);
      return answer;
    },
  };
}

const MAX_LIFE_SECONDS = 300;
/** Libraries that speak to the token endpoint are of a time when an hour was usual (Authlib's). Each is good once all the same. */
const MAX_LEGACY_LIFE_SECONDS = 3600;
/** The client's clock may be ahead by so much. */
const SKEW_SECONDS = 60;
const MAX_JTI_LENGTH = 255;

/** RFC 7523 §3, OIDC Core §9: everything but for whom it is. */
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
